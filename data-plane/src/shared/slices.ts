import { setImmediate as turn } from 'node:timers/promises';

/** Steps between two looks at the clock. */
const SLICE_STEPS = 64;
const SLICE_MS = 8;

/** Work of many small steps that lets others run every few milliseconds: after each step, `if (slices.isOver()) await slices.pause()`. */
export class Slices {
  #left = SLICE_STEPS;
  #untilMs = performance.now() + SLICE_MS;

  isOver(): boolean {
    if (--this.#left > 0) return false;
    this.#left = SLICE_STEPS;
    return performance.now() >= this.#untilMs;
  }

  async pause(): Promise<void> {
    await turn();
    this.#untilMs = performance.now() + SLICE_MS;
  }
}
