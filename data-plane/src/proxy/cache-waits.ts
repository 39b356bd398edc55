import { answerProblem } from './answer.ts';
import type { CacheUse } from './cache-use.ts';
import type { Exchange } from './exchange.ts';

/** A request that waits looks again by itself: a worker that died rings nobody. */
const LOOK_MS = 50;

/** Keeps a request where it is until what it asks for is in the cache, or nobody fetches it any longer; for the time that its route has. */
export function awaitFill(x: Exchange, use: CacheUse, cell: number, word: bigint): true {
  const { context } = x;
  if (use.waitsUntilMs === 0) {
    use.waitsUntilMs = x.startedUs / 1000 + x.destination.plan.timeoutMs;
    context.shared.metrics.overflow('cache_waits');
  }
  use.waitsForCell = cell;
  use.waitsForWord = word;
  x.state = 'following';
  context.cacheWaits.add(x);
  context.wheel.arm(x.timer, Math.min(use.waitsUntilMs, context.nowMs + LOOK_MS));
  return true;
}

/** Looks again. */
export function goOnWhenFilled(x: Exchange): void {
  const { context } = x;
  const use = x.cache;
  if (x.state !== 'following' || use === null) return;
  context.readClock();
  const isLate = context.nowMs >= use.waitsUntilMs;
  if (!isLate && context.shared.cacheFills.goesOn(use.waitsForCell, use.waitsForWord)) {
    context.wheel.arm(x.timer, Math.min(use.waitsUntilMs, context.nowMs + LOOK_MS));
    return;
  }
  context.cacheWaits.remove(x);
  context.wheel.arm(x.timer, Number.POSITIVE_INFINITY);
  if (!isLate) {
    x.decideOn();
    return;
  }
  answerProblem(x, 'upstream_timeout', 'The answer that others fetch did not come in time.');
}
