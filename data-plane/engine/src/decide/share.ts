/**
 * Whether a worker may take one more of something capped for the whole node: always within its own share (cap / workers, at least
 * one), beyond it while the node's total is under the cap. No worker starves, and none waits for another to answer.
 */
export function mayTake(own: number, total: number, cap: number, workers: number): boolean {
  return total < cap || own < shareOf(cap, workers);
}

/**
 * How many a holder gives up where all of them together hold more than the cap: those over a worker's share give up in proportion to
 * that. Each works it out for itself; together they give up what is too much, and at most one more each. More may hold something
 * than there are workers: one that leaves, beside its successor.
 */
export function surplusOf(holder: number, held: readonly number[], cap: number, workers: number): number {
  const share = Math.floor(cap / workers);
  let total = 0;
  let above = 0;
  for (const count of held) {
    total += count;
    above += Math.max(0, count - share);
  }
  const own = (held[holder] as number) - share;
  return total <= cap || own <= 0 ? 0 : Math.min(own, Math.ceil(((total - cap) * own) / above));
}

function shareOf(cap: number, workers: number): number {
  return Math.max(1, Math.floor(cap / workers));
}

/**
 * Whether a worker is owed one more of something whose cap is never passed: it has less than its share (cap / workers, at least one).
 * One that is owed waits only until another worker that has more gives one back.
 */
export function isOwed(own: number, cap: number, workers: number): boolean {
  return own < Math.max(1, Math.floor(cap / workers));
}

/**
 * Whether a worker that has `own` of them passes the next one that it gives back on to a worker that is owed one, although its own
 * requests wait too. Where there are fewer than workers the last one is passed on as well, so that it goes round.
 */
export function passesOn(own: number, cap: number, workers: number): boolean {
  return own > Math.floor(cap / workers);
}
