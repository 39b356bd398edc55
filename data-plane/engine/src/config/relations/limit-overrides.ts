import type { RateLimit } from '@sluice/proto';
import type { Examined } from '../examine.ts';
import { MultiMap } from '../multi-map.ts';
import { capacityOf } from '../rules/rate-limits.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** What a consumer overrides are limits that tell consumers apart, and the override still lets a request pass. */
export class LimitOverrides implements Relation {
  readonly #limits = new MultiMap<string, RateLimit>();
  readonly #consumers = new MultiMap<string, Examined>();

  add(examined: Examined): void {
    for (const limit of examined.limits) this.#limits.add(limit.name, limit);
    for (const name of overriddenBy(examined)) this.#consumers.add(name, examined);
  }

  remove(examined: Examined): void {
    for (const limit of examined.limits) this.#limits.delete(limit.name, limit);
    for (const name of overriddenBy(examined)) this.#consumers.delete(name, examined);
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    const concerned = new Set<Examined>();
    const names = new Set<string>();
    for (const { before, after } of change) {
      yield;
      if (after !== undefined && overriddenBy(after).length > 0) concerned.add(after);
      if (after !== undefined && before === after) continue;
      for (const name of changedLimits(before, after)) names.add(name);
    }
    for (const name of names) for (const consumer of this.#consumers.get(name)) concerned.add(consumer);
    for (const consumer of concerned) {
      this.#checkConsumer(consumer, report);
      yield;
    }
  }

  #checkConsumer({ entry: { key, resource } }: Examined, report: ReportOn): void {
    if (resource.spec.case !== 'consumer') return;
    resource.spec.value.rateLimits.forEach((override, i) => {
      const field = `spec.rateLimits[${i}]`;
      const limits = [...this.#limits.get(override.name)];
      const replaced = limits.filter(tellsConsumersApart);
      if (limits.length === 0) {
        report(key, {
          severity: 'warning',
          field: `${field}.name`,
          message: `no policy or route has a limit named "${override.name}"`,
        });
      } else if (replaced.length === 0) {
        report(key, {
          field: `${field}.name`,
          message: `the limit "${override.name}" cannot be overridden: its by holds neither consumer nor apiKey`,
        });
      }
      const capacity = capacityOf(override);
      const cost = Math.max(...replaced.map((limit) => limit.cost ?? 1));
      if (capacity !== undefined && capacity.tokens < cost) {
        report(key, {
          field: `${field}.${capacity.field}`,
          message: `must be at least ${cost}, which one request costs in the limit "${override.name}"`,
        });
      }
    });
  }
}

function tellsConsumersApart({ by }: RateLimit): boolean {
  return by.includes('consumer') || by.includes('apiKey');
}

function overriddenBy({ entry: { resource } }: Examined): readonly string[] {
  return resource.spec.case === 'consumer' ? resource.spec.value.rateLimits.map(({ name }) => name) : [];
}

/** Names of limits whose overrides may be right or wrong now and were not before. */
function changedLimits(before: Examined | undefined, after: Examined | undefined): readonly string[] {
  const old = summaries(before);
  const now = summaries(after);
  const names = new Set([...old.keys(), ...now.keys()]);
  return [...names].filter((name) => old.get(name) !== now.get(name));
}

function summaries(examined: Examined | undefined): ReadonlyMap<string, string> {
  return new Map(
    examined?.limits.map((limit) => [limit.name, `${tellsConsumersApart(limit)} ${limit.cost ?? 1}`] as const),
  );
}
