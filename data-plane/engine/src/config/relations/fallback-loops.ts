import type { Examined } from '../examine.ts';
import type { ResourceKey } from '../kind.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/** A service that falls back on another does not come back to itself that way. */
export class FallbackLoops implements Relation {
  add(): void {
    // What a service falls back on stands in itself: there is nothing to find again.
  }

  remove(): void {
    // As `add`.
  }

  *check(change: readonly Replacement[], resources: Resources, report: ReportOn): Steps {
    const reported = new Set<string>();
    for (const { after } of change) {
      if (after === undefined || fallbacksOf(after).length === 0) continue;
      const loop = yield* findLoop(after, resources);
      for (const { key, field, through } of loop) {
        if (reported.has(`${key} ${field}`)) continue;
        reported.add(`${key} ${field}`);
        report(key, {
          field,
          message: `${through} falls back on ${key.slice(key.indexOf('/') + 1)} again`,
          remedy: 'leave it out: a fallback has no further fallback',
        });
      }
    }
  }
}

interface Step {
  readonly key: ResourceKey;
  readonly field: string;
  /** The service that it falls back on there. */
  readonly through: string;
}

/** The shortest way on which a service comes back to itself; empty: there is none. */
function* findLoop(start: Examined, resources: Resources): Steps<readonly Step[]> {
  const startKey = start.entry.key;
  const ways = new Map<ResourceKey, readonly Step[]>([[startKey, []]]);
  const queue: Examined[] = [start];
  for (let at = 0; at < queue.length; at++) {
    yield;
    const from = queue[at] as Examined;
    const way = ways.get(from.entry.key) ?? [];
    for (const { service, field } of fallbacksOf(from)) {
      const key: ResourceKey = `Service/${service}`;
      const extended = [...way, { key: from.entry.key, field, through: service }];
      if (key === startKey) return extended;
      const next = resources.get(key);
      if (next === undefined || ways.has(key)) continue;
      ways.set(key, extended);
      queue.push(next);
    }
  }
  return [];
}

function fallbacksOf({
  entry: { resource },
}: Examined): readonly { readonly service: string; readonly field: string }[] {
  if (resource.spec.case !== 'service') return [];
  return resource.spec.value.fallback.flatMap(({ answer }, i) =>
    answer.case === 'service' ? [{ service: answer.value, field: `spec.fallback[${i}].service` }] : [],
  );
}
