import type { Membership } from '@sluice/proto';
import type { Examined } from '../examine.ts';
import { MultiMap } from '../multi-map.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** Somebody can have the scopes and groups that are asked for: a consumer has them, or there is an issuer whose tokens may bring them. */
export class EntitlementsExist implements Relation {
  /** Consumers by what they have, as `scope NAME` or `group NAME`. */
  readonly #holders = new MultiMap<string, Examined>();
  /** Policies and routes by what they ask for. */
  readonly #askers = new MultiMap<string, Examined>();
  #issuers = 0;

  add(examined: Examined): void {
    for (const name of heldBy(examined)) this.#holders.add(name, examined);
    for (const name of askedBy(examined)) this.#askers.add(name, examined);
    if (examined.entry.kind === 'Issuer') this.#issuers++;
  }

  remove(examined: Examined): void {
    for (const name of heldBy(examined)) this.#holders.delete(name, examined);
    for (const name of askedBy(examined)) this.#askers.delete(name, examined);
    if (examined.entry.kind === 'Issuer') this.#issuers--;
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    if (this.#issuers > 0) return;
    const concerned = new Set<Examined>();
    const lostIssuers = change.some(({ before, after }) => before?.entry.kind === 'Issuer' && after === undefined);
    for (const { before, after } of change) {
      yield;
      if (after !== undefined && askedBy(after).length > 0) concerned.add(after);
      const lost = before === undefined ? [] : heldBy(before);
      for (const name of lost) if (this.#holders.get(name).size === 0) this.#addAskers(name, concerned);
    }
    if (lostIssuers) for (const name of this.#askers.keys()) this.#addAskers(name, concerned);
    for (const asker of concerned) {
      this.#checkAsker(asker, report);
      yield;
    }
  }

  #addAskers(name: string, concerned: Set<Examined>): void {
    for (const asker of this.#askers.get(name)) concerned.add(asker);
  }

  #checkAsker(asker: Examined, report: ReportOn): void {
    for (const [kind, membership] of membershipsOf(asker)) {
      const isMissing = (name: string) => this.#holders.get(`${kind} ${name}`).size === 0;
      const say = (field: string, message: string) => {
        const remedy = `give a consumer the ${kind}, or add the issuer whose tokens have it`;
        report(asker.entry.key, { field: `spec.authorization.${kind}s.${field}`, message, remedy });
      };
      membership.allOf.forEach((name, i) => {
        if (isMissing(name)) say(`allOf[${i}]`, `nobody can have the ${kind} "${name}"`);
      });
      const { anyOf } = membership;
      if (anyOf.length > 0 && anyOf.every(isMissing)) say('anyOf', `nobody can have any of these ${kind}s`);
    }
  }
}

function heldBy({ entry: { resource } }: Examined): readonly string[] {
  if (resource.spec.case !== 'consumer') return [];
  const { scopes, groups } = resource.spec.value;
  return [...scopes.map((name) => `scope ${name}`), ...groups.map((name) => `group ${name}`)];
}

function askedBy(examined: Examined): readonly string[] {
  return membershipsOf(examined).flatMap(([kind, { allOf, anyOf }]) =>
    [...allOf, ...anyOf].map((name) => `${kind} ${name}`),
  );
}

function membershipsOf({ entry: { resource } }: Examined): readonly (readonly ['scope' | 'group', Membership])[] {
  const { spec } = resource;
  if (spec.case !== 'policy' && spec.case !== 'route') return [];
  const { scopes, groups } = spec.value.authorization ?? {};
  return [...(scopes ? [['scope', scopes] as const] : []), ...(groups ? [['group', groups] as const] : [])];
}
