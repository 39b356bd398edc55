import { createHash } from 'node:crypto';
import type { CachePlan, RoutePlan } from '@sluice/engine';
import { dropTable, HeaderId, plainName } from '../../http1/index.ts';
import {
  type CacheResult,
  cacheResults,
  keyPart,
  type MetricsRecorder,
  type Shared,
  sharedCacheCell,
} from '../../shared/index.ts';

/** The cache of a route, with what a worker keeps ready for it. */
export interface CacheState {
  readonly plan: CachePlan;
  /** First in the key of every answer: the route, and all of its configuration that shapes answers. What is changed begins anew. */
  readonly keyStart: string;
  /** Cells by which the route's answers are invalidated. */
  readonly cells: readonly number[];
  /** The same in the cache that nodes share. */
  readonly sharedCells: readonly number[];
  /** What of an answer's head is not kept. */
  readonly drop: Uint8Array;
  readonly dropNames: ReadonlySet<string> | null;
  /** What of a request is not sent on where the whole answer is fetched. */
  readonly requestDropNames: ReadonlySet<string>;
  /** The key tells consumers, or credentials, apart. */
  readonly byConsumer: boolean;
  readonly byAuthorization: boolean;
  readonly counters: Readonly<Record<CacheResult, number>>;
}

/** What a client has already, which says nothing about what others have. */
const CONDITIONS = ['if-none-match', 'if-modified-since'];

export function cacheState(
  plan: CachePlan,
  route: RoutePlan,
  shared: Shared,
  drop: Uint8Array,
  dropNames: ReadonlySet<string> | null,
  requestDropNames: ReadonlySet<string> | null,
): CacheState {
  const { hashKey } = shared.region;
  return {
    plan,
    keyStart: `${route.name}\n${shapeOf(plan, route)}\n`,
    cells: [
      keyPart(hashKey, 'cacheRoute', route.name).lo,
      ...plan.tags.map((tag) => keyPart(hashKey, 'cacheTag', tag).lo),
    ],
    sharedCells: plan.shared
      ? [sharedCacheCell('route', route.name), ...plan.tags.map((tag) => sharedCacheCell('tag', tag))]
      : [],
    drop: dropTable(drop, [HeaderId.age]),
    dropNames,
    requestDropNames: new Set([...(requestDropNames ?? []), ...CONDITIONS.map(plainName)]),
    byConsumer: plan.vary.includes('x-consumer'),
    byAuthorization: plan.vary.includes('authorization'),
    counters: countersOf(shared.metrics, route.slot),
  };
}

function countersOf(metrics: MetricsRecorder, slot: number): Record<CacheResult, number> {
  const counters = cacheResults.map((result) => [result, metrics.cacheRequests(slot, result)] as const);
  return Object.fromEntries(counters) as Record<CacheResult, number>;
}

/** Alike in all workers and for every revision that says the same. */
function shapeOf(plan: CachePlan, { rewrite, requestHeaders, responseHeaders, responseBody }: RoutePlan): string {
  const shape = [plan, rewrite, requestHeaders, responseHeaders, responseBody];
  const text = JSON.stringify(shape, (_, value: unknown) => (value instanceof Set ? [...value] : value));
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
