/** Refetches that may follow each other at once; then one each {@link REFILL_MS}. */
const BURST = 3;
const REFILL_MS = 10_000;
/** What was fetched this little ago is not fetched again before. */
const MIN_GAP_MS = 250;

/** How often tokens with unknown keys may have a key set fetched: whoever makes such tokens decides nothing about it. */
export class RefetchPace {
  #left = BURST;
  #refilledMs = 0;
  #fetchedMs = Number.NEGATIVE_INFINITY;

  /** One is wanted: in how long it is to be fetched, a moment at most. Undefined: not now. */
  take(nowMs: number): number | undefined {
    const waitMs = this.#waitMs(nowMs);
    if (waitMs > MIN_GAP_MS) return undefined;
    this.#left--;
    return waitMs;
  }

  /** How long it is of no use to want one. */
  againInMs(nowMs: number): number {
    const waitMs = this.#waitMs(nowMs);
    return waitMs > MIN_GAP_MS ? waitMs : 0;
  }

  /** A key set was fetched, for whatever reason. */
  fetched(nowMs: number): void {
    this.#fetchedMs = nowMs;
  }

  /** How long until one may be fetched. */
  #waitMs(nowMs: number): number {
    const refilled = Math.floor((nowMs - this.#refilledMs) / REFILL_MS);
    if (refilled > 0) {
      this.#left = Math.min(BURST, this.#left + refilled);
      this.#refilledMs = this.#left === BURST ? nowMs : this.#refilledMs + refilled * REFILL_MS;
    }
    const gapMs = Math.max(0, this.#fetchedMs + MIN_GAP_MS - nowMs);
    return this.#left > 0 ? gapMs : Math.max(gapMs, this.#refilledMs + REFILL_MS - nowMs);
  }
}
