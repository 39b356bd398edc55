import type { Exchange } from '../exchange.ts';
import { ANSWER, type AnswerRecord, VARIANTS } from './cache-record.ts';
import type { CacheState } from './cache-state.ts';
import type { CacheUse } from './cache-use.ts';
import { cellsOf, storeKey } from './shared-cache-key.ts';
import { encodeShared, type SharedRecord } from './shared-cache-record.ts';

/** However long an answer is fresh, other nodes are given it for no longer. */
const LONGEST_MS = 7 * 86_400_000;
const NOTHING = new Uint8Array(0);

/**
 * Gives other nodes an answer that was kept. Only what was fetched after the store was asked for it is given: the epoch says whether
 * something made it invalid since.
 */
export function keepShared(
  x: Exchange,
  use: CacheUse,
  variants: readonly string[],
  answer: Omit<AnswerRecord, 'number'>,
  body: Uint8Array,
): void {
  const { context } = x;
  const ageMs = answer.times.initialAgeMs + (context.nowUs - answer.storedUs) / 1000;
  const forMs = Math.min(LONGEST_MS, Math.floor(usefulMs(x, answer.times) - ageMs));
  if (forMs < 1) return;
  const times = { ...answer.times, initialAgeMs: ageMs };
  // The store's clock as it is now at the least.
  const storeMs = use.storeMs + (context.nowUs - use.storeAtUs) / 1000;
  const record = { times, storeMs, unixMs: Date.now() };
  if (variants.length > 0) {
    const key = storeKey(use.key);
    const names = { ...record, kind: VARIANTS, key, status: 0, head: variants.join('\n'), contentLength: 0 } as const;
    keep(x, use, { ...names, body: NOTHING }, forMs);
  }
  const { status, head, contentLength } = answer;
  keep(x, use, { ...record, kind: ANSWER, key: storeKey(answer.key), status, head, contentLength, body }, forMs);
}

/** Until which age somebody may be served it without the service's word. */
function usefulMs(x: Exchange, times: AnswerRecord['times']): number {
  const { lifetimeMs, whileRevalidateMs, ifErrorMs, mustRevalidate } = times;
  if (mustRevalidate) return lifetimeMs;
  let untilMs = lifetimeMs + Math.max(whileRevalidateMs, ifErrorMs);
  for (const fallback of x.destination.fallbacks) {
    if (fallback.kind === 'staleCache') untilMs = Math.max(untilMs, fallback.maxAgeMs);
  }
  return untilMs;
}

function keep(x: Exchange, use: CacheUse, record: SharedRecord, forMs: number): void {
  const cells = cellsOf(x.route.cache as CacheState, use);
  const call = { key: record.key, cells, epoch: use.epoch, forMs, bytes: encodeShared(record) };
  if (!x.context.sharedCache.keep(call)) x.context.shared.metrics.overflow('shared_cache_skips');
}
