import type { SharedRegion } from './region.ts';

/** A power of two. What shares a cell with something is invalidated with it, which costs a fetch. */
export const INVALIDATION_CELLS = 1 << 18;

/** Bytes of the table: the counter in a line of its own, then the cells. */
export const INVALIDATIONS_BYTES = 64 + INVALIDATION_CELLS * 4;
const FIRST = 16;

/**
 * What of the cache no longer counts: each cell stands for routes, tags and addresses, and holds the number of the last time that one of
 * them was invalidated. An answer bears the number at the time of its request; it counts while no cell of its own has a later one.
 */
export class Invalidations {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(region: Pick<SharedRegion, 'invalidations'>) {
    this.#words = new Int32Array(region.invalidations);
  }

  /** The number of what is asked for from now on. */
  now(): number {
    return Atomics.load(this.#words, 0);
  }

  /** `hash`: of what no longer counts. */
  invalidate(hash: number): void {
    const number = Atomics.add(this.#words, 0, 1) + 1;
    const cell = FIRST + (hash & (INVALIDATION_CELLS - 1));
    // Two at once: the later number stays.
    for (let seen = Atomics.load(this.#words, cell); ((number - seen) | 0) > 0; ) {
      const was = Atomics.compareExchange(this.#words, cell, seen, number | 0);
      if (was === seen) return;
      seen = was;
    }
  }

  /** Whether what was asked for at `number` still counts. */
  holds(hash: number, number: number): boolean {
    return ((number - Atomics.load(this.#words, FIRST + (hash & (INVALIDATION_CELLS - 1)))) | 0) >= 0;
  }
}
