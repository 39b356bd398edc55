import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import type { CacheUse } from './cache-use.ts';

/** A request that waits looks again by itself: a worker that died rings nobody. */
const LOOK_MS = 50;

/**
 * Of those in one worker who waited for the same answer, so many ask at once where fetch after fetch brings none: one, two, four, eight,
 * and not more than this. An answer that fails is nobody else's (RFC 9111), and one after the other they would all be late.
 */
const MOST_AT_ONCE = 16;
/** Fills whose count is kept: those that wait for one that ended go on within 50 ms. */
const MOST_REMEMBERED = 1024;

/** How many of each fill that ended go on without waiting for another, in one worker. */
export class FruitlessFills {
  readonly #alone = new Map<bigint, number>();

  /** Whether this one is among those of the fill that just ended who need not wait for yet another. */
  goesAlone({ waitsForWord, fruitless }: CacheUse): boolean {
    const before = this.#alone.get(waitsForWord) ?? 0;
    if (fruitless === 0 || before >= Math.min(2 ** fruitless, MOST_AT_ONCE)) return false;
    // What is forgotten is of fills that ended long ago.
    if (this.#alone.size === MOST_REMEMBERED) this.#alone.clear();
    this.#alone.set(waitsForWord, before + 1);
    return true;
  }
}

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
  // Asked at once, so that its end rings this one; where it has ended just now, it looks again with the next turn.
  const isOver = !context.shared.cacheFills.goesOn(cell, word);
  context.wheel.arm(x.timer, isOver ? context.nowMs : Math.min(use.waitsUntilMs, context.nowMs + LOOK_MS));
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
    use.alone = context.fruitlessFills.goesAlone(use);
    use.fruitless++;
    x.decideOn();
    return;
  }
  answerProblem(x, 'upstream_timeout', 'The answer that others fetch did not come in time.');
}
