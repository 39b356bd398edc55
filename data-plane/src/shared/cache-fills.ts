import type { Hash64 } from './half-sip-hash.ts';
import type { SharedRegion } from './region.ts';

/** Fills of one node at a time that others can wait for; further ones are fetched by whoever asks. A power of two. */
export const FILL_CELLS = 4096;
const PROBES = 8;
/** Of a word, the rest of whose lower half is the worker. */
const NUMBER_BITS = 22n;
/** Each cell: a word for who fills, and whether others wait for it. */
export const FILLS_BYTES = FILL_CELLS * 16;

/** Nobody else is told of it: there was no free cell. */
export const UNSHARED_FILL = -1;
/** Another fills it: see `CacheFills.busyCell`. */
export const FILL_TAKEN = -2;

/**
 * Who is fetching what for the cache. A cell holds half of the key's hash, the worker (from 1) and a number of its own, changed by one
 * swap; main empties those of a worker that ended. Who waits looks at the cell again when it is rung, and now and then by itself.
 */
export class CacheFills {
  /** Where `begin` found another: its cell and what was in it. */
  busyCell = 0;
  busyWord = 0n;
  readonly #words: BigInt64Array<SharedArrayBuffer>;
  readonly #waited: Int32Array<SharedArrayBuffer>;
  readonly #holder: bigint;
  #number = 0;

  constructor(region: Pick<SharedRegion, 'cacheFills'>, writer: number) {
    this.#words = new BigInt64Array(region.cacheFills, 0, FILL_CELLS);
    this.#waited = new Int32Array(region.cacheFills, FILL_CELLS * 8, FILL_CELLS);
    this.#holder = BigInt(writer + 1) << NUMBER_BITS;
  }

  /** The cell that is this fill's from now on; or UNSHARED_FILL, or FILL_TAKEN. */
  begin(key: Hash64): number {
    const word = this.#word(key);
    for (let attempt = 0; attempt < PROBES; attempt++) {
      let free = -1;
      for (let probe = 0; probe < PROBES; probe++) {
        const cell = (key.hi + probe) & (FILL_CELLS - 1);
        const found = Atomics.load(this.#words, cell);
        if (found === 0n) {
          if (free < 0) free = cell;
        } else if (tagOf(found) === tagOf(word)) return this.#busy(cell, found);
      }
      if (free < 0) return UNSHARED_FILL;
      if (Atomics.compareExchange(this.#words, free, 0n, word) === 0n) return this.#settle(key, free, word);
    }
    return UNSHARED_FILL;
  }

  /** Ends a fill; true: others wait for it and are to be rung. */
  end(cell: number): boolean {
    if (cell < 0) return false;
    Atomics.store(this.#words, cell, 0n);
    return Atomics.exchange(this.#waited, cell, 0) !== 0;
  }

  /** Whether the fill that was found there goes on. From then on its end rings those who wait. */
  goesOn(cell: number, word: bigint): boolean {
    Atomics.store(this.#waited, cell, 1);
    return Atomics.load(this.#words, cell) === word;
  }

  /** Main only: a worker has ended. Those who wait find it out by themselves. */
  releaseWorker(worker: number): void {
    for (let cell = 0; cell < FILL_CELLS; cell++) {
      const word = Atomics.load(this.#words, cell);
      if (word !== 0n && Number((word & 0xffffffffn) >> NUMBER_BITS) === worker + 1)
        Atomics.compareExchange(this.#words, cell, word, 0n);
    }
  }

  #word(key: Hash64): bigint {
    this.#number = (this.#number + 1) & ((1 << 22) - 1);
    return BigInt.asIntN(64, (BigInt(key.lo) << 32n) | this.#holder | BigInt(this.#number));
  }

  #busy(cell: number, word: bigint): number {
    this.busyCell = cell;
    this.busyWord = word;
    return FILL_TAKEN;
  }

  /** Two that begin the same at once may each have found a free cell: the one behind gives way. */
  #settle(key: Hash64, cell: number, word: bigint): number {
    for (let probe = 0; probe < PROBES; probe++) {
      const other = (key.hi + probe) & (FILL_CELLS - 1);
      if (other === cell) break;
      const found = Atomics.load(this.#words, other);
      if (found === 0n || tagOf(found) !== tagOf(word)) continue;
      this.end(cell);
      return this.#busy(other, found);
    }
    return cell;
  }
}

function tagOf(word: bigint): bigint {
  return word >> 32n;
}
