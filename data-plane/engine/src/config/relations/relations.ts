import type { Examined } from '../examine.ts';
import type { ResourceKey } from '../kind.ts';
import type { Finding } from '../problem.ts';
import { CallersAsked } from './callers-asked.ts';
import { EntitlementsExist } from './entitlements.ts';
import { FallbackLoops } from './fallback-loops.ts';
import { LimitOverrides } from './limit-overrides.ts';
import { ListenerAddresses } from './listener-addresses.ts';
import { References } from './references.ts';
import { RegexCounts } from './regex-counts.ts';
import type { Relation, Replacement, Resources, Steps } from './relation.ts';
import { RouteConflicts } from './route-conflicts.ts';
import { ShadowedRoutes } from './shadowed-routes.ts';

/**
 * All relations of a configuration. They show it with one change put in, or without any: a change that was checked stays put in, since
 * it is mostly committed next, and is taken out when another is to be seen.
 */
export class Relations {
  readonly #relations: readonly Relation[] = [
    new References(),
    new ListenerAddresses(),
    new FallbackLoops(),
    new LimitOverrides(),
    new EntitlementsExist(),
    new CallersAsked(),
    new RouteConflicts(),
    new RegexCounts(),
    new ShadowedRoutes(),
  ];
  #shown: readonly Replacement[] = [];
  #listeners = 0;

  /** Those of a configuration. */
  static of(all: Iterable<Examined>): Relations {
    const relations = new Relations();
    for (const examined of all) relations.#put(examined);
    return relations;
  }

  /** Takes out what is put in, and puts in another change. */
  *show(change: readonly Replacement[]): Steps {
    if (change === this.#shown) return;
    yield* this.#replace(this.#shown, 'after', 'before');
    this.#shown = [];
    yield* this.#replace(change, 'before', 'after');
    this.#shown = change;
  }

  /** What is put in is part of the configuration from now on. */
  keep(): void {
    this.#shown = [];
  }

  /** Adds what is wrong between resources, with the change put in. `get`: the configuration without it. */
  *check(
    change: readonly Replacement[],
    get: (key: ResourceKey) => Examined | undefined,
    found: Map<ResourceKey, Finding[]>,
  ): Steps {
    const replaced = new Map(change.map(({ key, after }) => [key, after]));
    const resources: Resources = {
      get: (key) => (replaced.has(key) ? replaced.get(key) : get(key)),
      listeners: this.#listeners,
    };
    const report = (key: ResourceKey, finding: Finding) => {
      const findings = found.get(key);
      if (findings === undefined) found.set(key, [finding]);
      else findings.push(finding);
    };
    for (const relation of this.#relations) yield* relation.check(change, resources, report);
  }

  *#replace(change: readonly Replacement[], from: 'before' | 'after', to: 'before' | 'after'): Steps {
    for (const { [from]: examined } of change) {
      yield;
      if (examined === undefined) continue;
      for (const relation of this.#relations) relation.remove(examined);
      if (examined.entry.kind === 'Listener') this.#listeners--;
    }
    for (const { [to]: examined } of change) {
      yield;
      if (examined !== undefined) this.#put(examined);
    }
  }

  #put(examined: Examined): void {
    for (const relation of this.#relations) relation.add(examined);
    if (examined.entry.kind === 'Listener') this.#listeners++;
  }
}
