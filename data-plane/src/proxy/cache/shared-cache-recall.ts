import { judgeStored } from '@sluice/engine';
import type { RecalledReply } from '../../shared/index.ts';
import type { Exchange } from '../exchange.ts';
import { forward } from '../upstream/forward.ts';
import { hashKeyInto, variantKey } from './cache-key.ts';
import { ANSWER, CacheRecord, conditionsOf, encodeAnswer, encodeVariants } from './cache-record.ts';
import { serveRecord } from './cache-serve.ts';
import type { CacheState } from './cache-state.ts';
import type { CacheUse } from './cache-use.ts';
import { cellsOf, storeKey } from './shared-cache-key.ts';
import { decodeShared, SHARED_OVERHEAD_BYTES, type SharedRecord } from './shared-cache-record.ts';

/** The longest that a request waits for the store, however often it asks. */
const WAIT_MS = 50;
/** So far ahead of the store's clock an answer may be: clocks that are set right go slower for a while. */
const SLEW_MS = 1000;
/** For the names that answers vary by, and for the answer. */
const MOST_QUESTIONS = 2;

/**
 * Asks the cache that nodes share, for a request that would else go to its service. True: it waits, and goes on at `lookUpCache`; one
 * of the gateway itself goes on here. `key`: where the node looked in its own memory.
 */
export function recall(x: Exchange, state: CacheState, use: CacheUse, key: string): boolean {
  const { context } = x;
  use.recallKey = key;
  if (use.recallUntilMs === 0)
    use.recallUntilMs = Math.min(
      context.nowMs + (context.hooks.recallMs ?? WAIT_MS),
      x.startedUs / 1000 + x.destination.plan.timeoutMs,
    );
  const id =
    context.nowMs >= use.recallUntilMs
      ? -1
      : context.sharedCache.ask(x, storeKey(key), cellsOf(state, use), state.plan.maxBodyBytes + SHARED_OVERHEAD_BYTES);
  if (id < 0) {
    context.shared.metrics.overflow('shared_cache_skips');
    use.isRecalled = true;
    return false;
  }
  if (use.recallAskedUs === 0) context.shared.metrics.overflow('shared_cache_waits');
  use.recallId = id;
  use.recallAskedUs = context.nowUs;
  use.questions++;
  x.state = 'recalling';
  context.wheel.arm(x.timer, use.recallUntilMs);
  return true;
}

/** The store has said what it has. */
export function onRecalled(x: Exchange, use: CacheUse, reply: RecalledReply): void {
  const { context } = x;
  context.readClock();
  if (use.epoch === '') {
    use.epoch = reply.epoch;
    use.storeMs = reply.storeMs;
    use.storeAtUs = context.nowUs;
  }
  const state = x.route.cache as CacheState;
  const names = reply.bytes === undefined ? undefined : take(x, use, reply, Buffer.from(reply.bytes.buffer));
  if (names !== undefined && use.questions < MOST_QUESTIONS) {
    use.reason = 'vary-miss';
    if (recall(x, state, use, variantKey(x, use.key, names))) return;
  }
  goOn(x, use);
}

/** The time is over. */
export function goOnWithoutRecall(x: Exchange): void {
  const use = x.cache as CacheUse;
  x.context.readClock();
  x.context.sharedCache.drop(use.recallId);
  x.context.shared.metrics.overflow('shared_cache_skips');
  goOn(x, use);
}

function goOn(x: Exchange, use: CacheUse): void {
  const { context } = x;
  use.isRecalled = true;
  context.wheel.arm(x.timer, Number.POSITIVE_INFINITY);
  if (!use.isBehind) {
    x.decideOn();
    return;
  }
  x.state = 'deciding';
  const { recalled } = use;
  if (recalled !== null && judgeStored(recalled, recalled.ageMs(context.nowUs), undefined) === 'fresh') {
    // Another node has fetched it again.
    serveRecord(x, recalled, 'hit');
    return;
  }
  if (recalled !== null) takeAsStale(use, recalled, context.nowUs);
  forward(x);
}

/** Where it is younger than what the node has. */
export function takeAsStale(use: CacheUse, recalled: CacheRecord, nowUs: number): void {
  if (use.stale !== null && use.stale.ageMs(nowUs) <= recalled.ageMs(nowUs)) return;
  use.stale = recalled;
  use.conditions = conditionsOf(recalled);
}

/** Into the node's own memory. Gives the names that answers vary by, where that is what there was. */
function take(x: Exchange, use: CacheUse, reply: RecalledReply, bytes: Buffer): readonly string[] | undefined {
  const key = use.recallKey;
  const record = decodeShared(bytes, storeKey(key), x.head.method === 'HEAD');
  if (record === undefined || record.storeMs > reply.storeMs + SLEW_MS) {
    x.context.sharedCache.damaged(storeKey(key));
    return undefined;
  }
  if (record.kind !== ANSWER) {
    const names = record.head.split('\n');
    put(x, key, encodeVariants(key, names, use.number, use.recallAskedUs));
    return names;
  }
  const whole = Buffer.concat([encodeAnswer({ ...agedRecord(record, reply, use), key }), record.body]);
  put(x, key, whole);
  use.recalled = new CacheRecord(whole);
  return undefined;
}

/**
 * With its age as of when it was asked for (RFC 9111, 4.2.3): what the store's one clock says passed since it was put there, or, where
 * that is more, what this node's clock says passed since the other's. From then on this node counts.
 */
function agedRecord(record: SharedRecord, { storeMs }: RecalledReply, use: CacheUse) {
  const keptMs = Math.max(0, storeMs - record.storeMs, Date.now() - record.unixMs);
  return {
    status: record.status,
    head: record.head,
    contentLength: record.contentLength,
    number: use.number,
    storedUs: use.recallAskedUs,
    times: { ...record.times, initialAgeMs: record.times.initialAgeMs + keptMs },
  };
}

const hash = { lo: 0, hi: 0 };

function put(x: Exchange, key: string, bytes: Buffer): void {
  hashKeyInto(x, key, hash);
  x.context.shared.responses.put(hash, [bytes]);
}
