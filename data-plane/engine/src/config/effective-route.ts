import type { DescField, JsonValue, Message } from '@bufbuild/protobuf';
import {
  type Policy,
  PolicyMode,
  PolicySchema,
  type Resource,
  type Route,
  RouteSchema,
  type Service,
  ServiceSchema,
} from '@sluice/proto';
import { writeField, writeOne } from '../manifest/to-manifest-value.ts';
import type { ResourceKey } from './kind.ts';
import { getField } from './message-fields.ts';
import { addUpLimits, layersFor, type PolicyLayer } from './policy-layers.ts';

/** A field that holds for a route, and who says so. */
export interface EffectiveField {
  /** A field of the route's spec. `rateLimits` is there once for each limit, header edits once for each that edits. */
  readonly field: string;
  readonly value: JsonValue;
  /** `default`: nobody says so. */
  readonly origin: ResourceKey | 'default';
  /** It decides and counts only, beside what is enforced of the same field. */
  readonly dryRun?: true;
}

/**
 * What holds for a route after its policies and its service: policies in the order listed, then the route. The last that sets a field
 * wins whole, limits add up by name, header edits are made one after the other, `none` drops what came before. `mode` is told by what it
 * makes a dry run: that takes the place of nothing that another enforces.
 *
 * @param policies undefined for a name that is no policy; it is passed over
 * @param service the route's service, for what the route leaves to it
 * @throws TypeError where the resource is no route
 */
export function effectiveRoute(
  resource: Resource,
  policies: (name: string) => Policy | undefined,
  service?: Service,
): readonly EffectiveField[] {
  if (resource.spec.case !== 'route') throw new TypeError(`"${resource.name}" is no route`);
  const route = resource.spec.value;
  const origin: ResourceKey = `Route/${resource.name}`;
  const own = RouteSchema.fields
    .filter(
      (field) =>
        !SHARED.has(field.jsonName) && !FROM_SERVICE.has(field.jsonName) && getField(route, field) !== undefined,
    )
    .map((field) => ({ field: field.jsonName, value: writeField(field, getField(route, field)), origin }));
  const shared = joinLayers([
    ...route.policies.flatMap((name) => {
      const policy = policies(name);
      return policy === undefined ? [] : [{ origin: `Policy/${name}` as const, fields: policy, none: policy.none }];
    }),
    { origin, fields: route, none: route.none },
  ]);
  return [...own, ...shared, ...leftToService(route, origin, shared, service)];
}

interface Layer extends PolicyLayer {
  readonly origin: ResourceKey;
  readonly fields: Policy | Route;
}

/** The fields that policies and routes share, but `none`, which only drops. */
const SHARED: ReadonlySet<string> = new Set(PolicySchema.fields.map(({ jsonName }) => jsonName));

/** What a service says for routes that do not, with what holds where it does not either. */
const FROM_SERVICE: ReadonlyMap<string, JsonValue | undefined> = new Map<string, JsonValue | undefined>([
  ['timeout', '15s'],
  ['retry', undefined],
  ['streamIdleTimeout', '1m'],
  ['maxDuration', undefined],
]);

const CONCATENATED: ReadonlySet<string> = new Set(['requestHeaders', 'responseHeaders']);

function joinLayers(layers: readonly Layer[]): EffectiveField[] {
  const rehearsed = new Set(layersFor(layers, 'mode').filter(({ fields }) => fields.mode === PolicyMode.DRY_RUN));
  return PolicySchema.fields
    .filter(({ jsonName }) => jsonName !== 'none' && jsonName !== 'mode')
    .flatMap(({ jsonName }) => {
      const settings = layersFor(layers, jsonName).flatMap((layer): Setting[] => {
        const { origin, fields } = layer;
        const field = fieldOf(fields, jsonName);
        const value = getField(fields, field);
        const dryRun = REHEARSED.has(jsonName) && rehearsed.has(layer);
        return value === undefined ? [] : [{ field, value, origin, dryRun }];
      });
      if (jsonName === 'rateLimits') return joinLimits(settings);
      const kept = CONCATENATED.has(jsonName) ? settings : lastOf(settings);
      return kept.map((setting) => effectiveField(setting, writeField(setting.field, setting.value)));
    });
}

interface Setting {
  readonly field: DescField;
  readonly value: unknown;
  readonly origin: ResourceKey;
  readonly dryRun: boolean;
}

/** What a dry run covers. */
const REHEARSED: ReadonlySet<string> = new Set(['auth', 'authorization', 'rateLimits', 'validation']);

/** The last wins; where that is a dry run, what would hold without it goes on to. */
function lastOf(settings: readonly Setting[]): Setting[] {
  const enforced = settings.findLast(({ dryRun }) => !dryRun);
  const last = settings.at(-1);
  return [enforced, last === enforced ? undefined : last].filter((setting) => setting !== undefined);
}

function joinLimits(settings: readonly Setting[]): EffectiveField[] {
  const limits = settings.flatMap((setting) =>
    (setting.value as Policy['rateLimits']).map((limit) => ({ setting, limit })),
  );
  const isReplaced = ({ setting, limit: { name } }: (typeof limits)[number], at: number): boolean =>
    setting.dryRun && limits.slice(at).some((later) => later.limit.name === name && !later.setting.dryRun);
  const kept = limits.filter((each, at) => !isReplaced(each, at));
  return addUpLimits(kept, ({ setting, limit }) => (setting.dryRun ? `${limit.name} in dry run` : limit.name)).map(
    ({ setting, limit }) => effectiveField(setting, writeOne(setting.field, limit)),
  );
}

function effectiveField({ field: { jsonName: field }, origin, dryRun }: Setting, value: JsonValue): EffectiveField {
  return dryRun ? { field, value, origin, dryRun } : { field, value, origin };
}

function leftToService(
  route: Route,
  origin: ResourceKey,
  shared: readonly EffectiveField[],
  service: Service | undefined,
): EffectiveField[] {
  return [...FROM_SERVICE].flatMap(([name, unset]): EffectiveField[] => {
    if (shared.some(({ field }) => field === name)) return [];
    const routeField = fieldOf(route, name);
    const own = getField(route, routeField);
    if (own !== undefined) return [{ field: name, value: writeField(routeField, own), origin }];
    const serviceField = ServiceSchema.fields.find(({ jsonName }) => jsonName === name)!;
    // Several services may each say another.
    if (route.destinations.length > 0) return [];
    const value = service && getField(service, serviceField);
    if (value !== undefined) {
      return [{ field: name, value: writeField(serviceField, value), origin: `Service/${route.service}` }];
    }
    return unset === undefined ? [] : [{ field: name, value: unset, origin: 'default' }];
  });
}

function fieldOf(message: Message, jsonName: string): DescField {
  const { fields } = message.$typeName === RouteSchema.typeName ? RouteSchema : PolicySchema;
  return fields.find((field) => field.jsonName === jsonName)!;
}
