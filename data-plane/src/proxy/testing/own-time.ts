import { performance } from 'node:perf_hooks';

const TICK_MS = 10;
/** However long the machine kept this process waiting, one tick counts as no more. */
const MAX_TICK_MS = 25;

/** Time as it passes for this process, and so for the proxy in it: what other processes took of a core is not in it. */
export class OwnTime implements Disposable {
  #ms = 0;
  #lastMs = performance.now();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);

  /** Milliseconds since it was made. */
  get ms(): number {
    this.#tick();
    return this.#ms;
  }

  #tick(): void {
    const nowMs = performance.now();
    this.#ms += Math.min(nowMs - this.#lastMs, MAX_TICK_MS);
    this.#lastMs = nowMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
