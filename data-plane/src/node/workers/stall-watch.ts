/** A worker whose event loop did not turn for this long is replaced. */
const STALL_MS = 5_000;
const EVERY_MS = 500;
/** A look that is later than this shows that the process stood still as a whole, and its workers with it. */
const LATE_MS = 1_000;

/**
 * Finds workers whose event loop stands still. Time in which the process as a whole was stopped (SIGSTOP, a paused virtual
 * machine) is nobody's fault: it is counted from the first look after it.
 */
export class StallWatch {
  #lookedAtMs: number;
  #sinceMs: number;

  constructor(nowMs: number) {
    this.#lookedAtMs = nowMs;
    this.#sinceMs = nowMs;
  }

  /** How long, in milliseconds, those stand still that have to be replaced; the others are not in it. */
  look(nowMs: number, beats: Iterable<readonly [seat: number, lastBeatMs: number]>): ReadonlyMap<number, number> {
    if (nowMs - this.#lookedAtMs > EVERY_MS + LATE_MS) this.#sinceMs = nowMs;
    this.#lookedAtMs = nowMs;
    const stalled = new Map<number, number>();
    for (const [seat, lastBeatMs] of beats) {
      const stalledMs = nowMs - Math.max(lastBeatMs, this.#sinceMs);
      if (stalledMs >= STALL_MS) stalled.set(seat, stalledMs);
    }
    return stalled;
  }

  static readonly everyMs = EVERY_MS;
}
