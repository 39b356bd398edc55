/** A worker that ends sooner than this after its start crashed at once. */
const SETTLED_MS = 2_000;
const BASE_MS = 25;
const MAX_MS = 1_000;

/** How long the successor of a crashed worker waits: not at all, but longer and longer where one after the other crashes at once. */
export class RestartPace {
  readonly #quickEnds = new Map<number, number>();

  /** The worker of a seat ended after it had lived so long: how long its successor is to wait, in milliseconds. */
  next(seat: number, livedMs: number): number {
    const quick = livedMs < SETTLED_MS ? (this.#quickEnds.get(seat) ?? 0) + 1 : 0;
    this.#quickEnds.set(seat, quick);
    return quick <= 1 ? 0 : Math.min(BASE_MS * 2 ** (quick - 2), MAX_MS);
  }
}
