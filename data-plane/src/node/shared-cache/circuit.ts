/** Answers in a row that did not come in time before nobody waits for any. */
const FAILURES = 3;
const SHORTEST_MS = 500;
const LONGEST_MS = 30_000;
/** What answers for so long is not the store that failed before. */
const WELL_MS = 60_000;

/**
 * Whether it is worth asking the store. Once it failed a few times in a row nobody asks, and so waits, until it was tried behind their
 * backs and answered in time. The pause before that doubles each time it fails again soon.
 */
export class Circuit {
  #failures = 0;
  /** Undefined: closed. */
  #tryAtMs: number | undefined = 0;
  #pauseMs = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;

  /** Questions go through. */
  get isClosed(): boolean {
    return this.#tryAtMs === undefined;
  }

  /** It is open, and time to try. */
  isDue(nowMs: number): boolean {
    return this.#tryAtMs !== undefined && nowMs >= this.#tryAtMs;
  }

  answered(): void {
    this.#failures = 0;
  }

  /** No answer in time, or none that is one. True: it opened. */
  failed(nowMs: number): boolean {
    if (!this.isClosed || ++this.#failures < FAILURES) return false;
    this.open(nowMs);
    return true;
  }

  /** It is away. */
  open(nowMs: number): void {
    if (this.isClosed && nowMs - this.#closedAtMs >= WELL_MS) this.#pauseMs = 0;
    this.#pauseMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.#pauseMs * 2));
    this.#tryAtMs = nowMs + this.#pauseMs;
    this.#failures = 0;
  }

  /** It was tried, and answered in time. */
  close(nowMs: number): void {
    this.#tryAtMs = undefined;
    this.#closedAtMs = nowMs;
    this.#failures = 0;
  }
}
