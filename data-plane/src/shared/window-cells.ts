import { SUB_WINDOWS } from '@sluice/engine';

/** Marks of a window's ring: a power of two that holds all sub-windows of a window, and some to come. */
export const RING = 64;
/** Bits of a sub-window's number that are stored. What is not forgotten lies a few windows around now. */
const NUMBER_BITS = 14;
const NUMBER_MASK = (1 << NUMBER_BITS) - 1;
const LIVE = 0x4000_0000;
const PER_TAG_MASK = 0xff;
const REFUNDS_MASK = 0xff;
const WRITES_MASK = (1 << (32 - NUMBER_BITS)) - 1;

/** `words`, `marks` and `keptUntil` are also of the overflow cells, one for each slot of limits, behind the table's. */
export interface WindowBuffers {
  readonly keys: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  readonly marks: SharedArrayBuffer;
  readonly keptUntil: SharedArrayBuffer;
  /** Of `OverflowDebts`. */
  readonly debts: SharedArrayBuffer;
}

/** Pages that no window ever used cost nothing. */
export function createWindowBuffers(cells: number, limitSlots: number): WindowBuffers {
  const all = cells + limitSlots;
  return {
    keys: new SharedArrayBuffer(cells * 8),
    words: new SharedArrayBuffer(all * 8),
    marks: new SharedArrayBuffer(all * RING * 8),
    keptUntil: new SharedArrayBuffer(all * 4),
    debts: new SharedArrayBuffer(cells * 8),
  };
}

/**
 * How the word of a window and the marks of its ring are written.
 *
 * The word: how much was ever charged, modulo 2^32 (`total`), the sub-window of the last charge, a tag of the window's length, and
 * how often charges were given back, so that no word comes twice while another worker looks away. A mark: what `total` was when a
 * sub-window began, and how often the mark was written.
 */
export class WindowCells {
  readonly words: BigInt64Array<SharedArrayBuffer>;
  readonly #marks: BigInt64Array<SharedArrayBuffer>;
  /** Second of the shared clock before which a cell may not be forgotten. Only grows. */
  readonly #keptUntil: Int32Array<SharedArrayBuffer>;
  readonly #halves = new Int32Array(2);
  readonly #bits = new BigInt64Array(this.#halves.buffer);

  constructor({ words, marks, keptUntil }: WindowBuffers) {
    this.words = new BigInt64Array(words);
    this.#marks = new BigInt64Array(marks);
    this.#keptUntil = new Int32Array(keptUntil);
  }

  // Of a word that was taken apart by `read`.
  total = 0;
  number = 0;
  perTag = 0;
  refunds = 0;

  /** Takes a word apart. False: it is no live one. */
  read(word: bigint): boolean {
    this.#bits[0] = word;
    const high = this.#halves[1]!;
    this.total = this.#halves[0]! >>> 0;
    this.number = (high >>> 8) & NUMBER_MASK;
    this.perTag = (high >>> 22) & PER_TAG_MASK;
    this.refunds = high & REFUNDS_MASK;
    return high > 0;
  }

  word(total: number, number: number, perTag: number, refunds: number): bigint {
    this.#halves[0] = total;
    this.#halves[1] = LIVE | (perTag << 22) | ((number & NUMBER_MASK) << 8) | (refunds & REFUNDS_MASK);
    return this.#bits[0]!;
  }

  /** How much was charged before the sub-window `number` of a cell; -1 where its mark is of another. */
  totalBefore(cell: number, number: number): number {
    this.#bits[0] = Atomics.load(this.#marks, cell * RING + (number & (RING - 1)));
    return this.#halves[1]! >>> (32 - NUMBER_BITS) === (number & NUMBER_MASK) ? this.#halves[0]! >>> 0 : -1;
  }

  /**
   * Marks that the sub-window `number` begins with `total`, as long as the cell's word is `word`. False: it no longer is, or, where
   * only what is newer may be written, the mark is newer.
   *
   * Whoever swaps the word has written all marks that it implies, and every writing changes the mark; so a mark that was read while
   * the word was still the same, and is swapped after that, is one that nobody relies on.
   */
  mark(cell: number, word: bigint, number: number, total: number, onlyNewer: boolean): boolean {
    const at = cell * RING + (number & (RING - 1));
    for (;;) {
      const before = Atomics.load(this.#marks, at);
      if (Atomics.load(this.words, cell) !== word) return false;
      this.#bits[0] = before;
      const high = this.#halves[1]!;
      if (onlyNewer && aheadBy(number, high >>> (32 - NUMBER_BITS)) < 0) return false;
      this.#halves[0] = total;
      this.#halves[1] = ((number & NUMBER_MASK) << (32 - NUMBER_BITS)) | ((high + 1) & WRITES_MASK);
      if (Atomics.compareExchange(this.#marks, at, before, this.#bits[0]!) === before) return true;
    }
  }

  /** Keeps a cell until then. */
  keepUntil(cell: number, us: number): void {
    const second = Math.ceil(us / 1e6);
    for (;;) {
      const before = Atomics.load(this.#keptUntil, cell);
      if (before >= second || Atomics.compareExchange(this.#keptUntil, cell, before, second) === before) return;
    }
  }

  /** Whether all that a cell has counted has left its window. */
  hasLapsed(cell: number, nowUs: number): boolean {
    return Atomics.load(this.#keptUntil, cell) * 1e6 < nowUs;
  }
}

/** By how much a sub-window is ahead of a stored number of one. */
export function aheadBy(number: number, stored: number): number {
  const ahead = (number - stored) & NUMBER_MASK;
  return ahead > NUMBER_MASK / 2 ? ahead - NUMBER_MASK - 1 : ahead;
}

/** Tells apart most lengths of windows: 0 to 255. */
export function perTag(perUs: number): number {
  return (Math.imul(Math.round(perUs / 1000), 0x9e3779b1) >>> 24) & PER_TAG_MASK;
}

/** The first sub-window that counts at sub-window `number`. */
export function firstCounted(number: number): number {
  return number - SUB_WINDOWS;
}
