import { type Authorization, type Policy, PolicyMode, type Route } from '@sluice/proto';
import type { Examined } from '../examine.ts';
import { MultiMap } from '../multi-map.ts';
import { layersFor, type PolicyLayer } from '../policy-layers.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/**
 * Where something is asked of callers, callers can be told apart: else a route refuses every request. Warned of, since nothing is wrong
 * with each by itself.
 */
export class CallersAsked implements Relation {
  /** Routes by the policies they take. */
  readonly #takers = new MultiMap<string, Examined>();

  add(examined: Examined): void {
    for (const name of policiesOf(examined)) this.#takers.add(name, examined);
  }

  remove(examined: Examined): void {
    for (const name of policiesOf(examined)) this.#takers.delete(name, examined);
  }

  *check(change: readonly Replacement[], resources: Resources, report: ReportOn): Steps {
    const concerned = new Set<Examined>();
    for (const { before, after } of change) {
      yield;
      const { kind, name } = (after ?? before)!.entry;
      if (kind === 'Route' && after !== undefined) concerned.add(after);
      if (kind !== 'Policy' || (after !== before && shapeOf(before) === shapeOf(after))) continue;
      for (const route of this.#takers.get(name)) concerned.add(route);
    }
    for (const route of concerned) {
      checkRoute(route, resources, report);
      yield;
    }
  }
}

/** What of a policy or a route decides who is asked what. */
interface Layer extends PolicyLayer {
  readonly fields: Policy | Route;
  readonly isRoute: boolean;
}

function checkRoute({ entry: { key, resource } }: Examined, resources: Resources, report: ReportOn): void {
  if (resource.spec.case !== 'route') return;
  const route = resource.spec.value;
  const layers: Layer[] = [];
  for (const name of route.policies) {
    const spec = resources.get(`Policy/${name}`)?.entry.resource.spec;
    if (spec?.case !== 'policy') return;
    layers.push({ fields: spec.value, none: spec.value.none, isRoute: false });
  }
  layers.push({ fields: route, none: route.none, isRoute: true });
  const rehearsed = new Set(layersFor(layers, 'mode').filter(({ fields }) => fields.mode === PolicyMode.DRY_RUN));
  const asking = layersFor(layers, 'authorization').findLast(
    (layer) => layer.fields.authorization !== undefined && !rehearsed.has(layer),
  );
  const asked = askedOfCallers(asking?.fields.authorization);
  if (asking === undefined || asked === undefined) return;
  const methods = layersFor(layers, 'auth').flatMap(({ fields }) => fields.auth?.anyOf ?? []);
  const field = asking.isRoute ? 'spec.authorization' : 'spec.policies';
  const severity = 'warning';
  if (methods.length === 0) {
    const message = `refuses every request: authorization asks for ${asked} of callers, and nothing finds out who calls`;
    report(key, { severity, field, message, remedy: 'add auth, or take a policy that has it' });
  } else if (asked === 'claims' && methods.every(({ method }) => method.case === 'apiKey')) {
    const message =
      'refuses every request: authorization asks for claims, which tokens have, and auth takes API keys alone';
    report(key, { severity, field, message, remedy: 'add jwt to auth, or ask for scopes or groups' });
  }
}

/** Claims first: API keys have none. Undefined: nothing. */
function askedOfCallers(authorization: Authorization | undefined): 'claims' | 'scopes' | 'groups' | undefined {
  if (authorization === undefined) return undefined;
  if (Object.keys(authorization.claims).length > 0) return 'claims';
  if (authorization.scopes !== undefined) return 'scopes';
  return authorization.groups === undefined ? undefined : 'groups';
}

function policiesOf({ entry: { resource } }: Examined): readonly string[] {
  return resource.spec.case === 'route' ? [...new Set(resource.spec.value.policies)] : [];
}

/** Two policies of one shape say the same here. */
function shapeOf(examined: Examined | undefined): string {
  const spec = examined?.entry.resource.spec;
  if (spec?.case !== 'policy') return '';
  const { mode, none, auth, authorization } = spec.value;
  const methods = auth?.anyOf.map(({ method }) => method.case);
  return [
    mode,
    none,
    methods ?? 'no auth',
    authorization === undefined ? '' : `asks ${askedOfCallers(authorization)}`,
  ].join('\n');
}
