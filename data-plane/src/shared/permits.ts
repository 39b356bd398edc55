import { MAX_HALF_OPEN_REQUESTS } from '@sluice/engine';
import type { SharedRegion } from './region.ts';

/**
 * Permits of half-open probes: per service 32 words, each 0 or the worker (from 1) and generation that hold it. Taken and given
 * back by one swap of exactly that value, so a permit is never given back twice, and those of a dead worker are found.
 */
export class Permits {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #holder: number;

  constructor(region: SharedRegion, writer: number) {
    this.#words = new Int32Array(region.breakers.permits);
    this.#holder = (writer + 1) << 20;
  }

  /** A permit (0..limit-1) of this generation, or -1 when all are in use. One that an older generation left behind is free. */
  take(slot: number, generation: number, limit: number): number {
    const first = slot * MAX_HALF_OPEN_REQUESTS;
    const size = Math.min(limit, MAX_HALF_OPEN_REQUESTS);
    for (let permit = 0; permit < size; permit++) {
      const word = Atomics.load(this.#words, first + permit);
      if (word !== 0 && (word & 0xfffff) === generation) continue;
      if (Atomics.compareExchange(this.#words, first + permit, word, this.#holder | generation) === word) return permit;
    }
    return -1;
  }

  giveBack(slot: number, generation: number, permit: number): void {
    Atomics.compareExchange(this.#words, slot * MAX_HALF_OPEN_REQUESTS + permit, this.#holder | generation, 0);
  }

  /** Permits of this generation in use. */
  held(slot: number, generation: number): number {
    const first = slot * MAX_HALF_OPEN_REQUESTS;
    let held = 0;
    for (let at = first; at < first + MAX_HALF_OPEN_REQUESTS; at++) {
      const word = Atomics.load(this.#words, at);
      if (word !== 0 && (word & 0xfffff) === generation) held++;
    }
    return held;
  }

  /** Main only: gives back all that a worker which has ended still held in the slots below `slots`. Returns how many. */
  releaseWorker(worker: number, slots: number): number {
    let released = 0;
    for (let at = 0; at < slots * MAX_HALF_OPEN_REQUESTS; at++) {
      const word = Atomics.load(this.#words, at);
      if (word >>> 20 === worker + 1 && Atomics.compareExchange(this.#words, at, word, 0) === word) released++;
    }
    return released;
  }
}
