import { createHash } from 'node:crypto';
import type { SharedRegion } from './region.ts';

/** A power of two. What shares a cell with something is forgotten with it, which costs a fetch. */
export const SHARED_CACHE_CELLS = 1 << 18;
const FIRST = 16;
/** Bytes of the table: two flags in a line of their own, then for each cell what is wanted and what was done. */
export const SHARED_CACHE_BYTES = (FIRST + SHARED_CACHE_CELLS * 2) * 4;
const ANSWERS = 0;
const EXISTS = 1;

/**
 * What the cache that nodes share in Redis is still to forget. A cell stands for routes, tags and addresses, the same in all nodes.
 * Workers count up how often each is to be forgotten, the main thread notes up to where Redis has done so. While the two differ nothing
 * of the cell is taken from Redis, so what a node made invalid does not come back to it, however long Redis is away.
 */
export class SharedCacheCells {
  readonly #words: Int32Array<SharedArrayBuffer>;

  constructor(region: Pick<SharedRegion, 'sharedCache'>) {
    this.#words = new Int32Array(region.sharedCache);
  }

  /** The node has a Redis. */
  get exists(): boolean {
    return Atomics.load(this.#words, EXISTS) === 1;
  }

  /** It is worth asking. */
  get answers(): boolean {
    return Atomics.load(this.#words, ANSWERS) === 1;
  }

  /** Main only. */
  setAnswers(answers: boolean): void {
    Atomics.store(this.#words, EXISTS, 1);
    Atomics.store(this.#words, ANSWERS, answers ? 1 : 0);
  }

  forget(cell: number): void {
    Atomics.add(this.#words, FIRST + cell, 1);
  }

  /** How often it was to be forgotten. */
  wanted(cell: number): number {
    return Atomics.load(this.#words, FIRST + cell);
  }

  isForgotten(cell: number): boolean {
    return this.wanted(cell) === Atomics.load(this.#words, FIRST + SHARED_CACHE_CELLS + cell);
  }

  /** Main only: Redis has forgotten it, as it was wanted so often. */
  forgotten(cell: number, wanted: number): void {
    Atomics.store(this.#words, FIRST + SHARED_CACHE_CELLS + cell, wanted);
  }

  /** Those that Redis has still to forget; a look at all of them, a millisecond. */
  *remembered(): Generator<number> {
    for (let cell = 0; cell < SHARED_CACHE_CELLS; cell++) if (!this.isForgotten(cell)) yield cell;
  }
}

/** The cell of a route or a tag by its name, or of an address: alike in all nodes. */
export function sharedCacheCell(kind: 'route' | 'tag' | 'address', name: string): number {
  const digest = createHash('sha256').update(`${kind}\n${name}`).digest();
  return digest.readUInt32LE(0) & (SHARED_CACHE_CELLS - 1);
}
