import type { KeyHeap } from './key-heap.ts';
import {
  EMPTY,
  type KeyMemory,
  REMOVED,
  SEGMENTS,
  SlotCursor,
  segmentBits,
  segmentOf,
  segmentWord,
  slotWord,
  unitOf,
  WORDS_PER_UNIT,
  whichOf,
} from './key-memory.ts';

const FIRST_BITS = 2;
const MOST_BITS = 20;

/** A hash, as the index takes it. */
export interface KeyHash {
  lo: number;
  hi: number;
}

/** Writes to `out` the hash by which an entry is found. */
export type HashOf = (unit: number, which: number, out: KeyHash) => void;

/** One directory and its segments, as the main thread changes them. */
export class KeyIndex {
  readonly #memory: KeyMemory;
  readonly #heap: KeyHeap;
  readonly #directory: number;
  readonly #hashOf: HashOf;
  readonly #cursor: SlotCursor;
  /** Slots of each segment that are not EMPTY. */
  readonly #used = new Uint32Array(SEGMENTS);
  readonly #live = new Uint32Array(SEGMENTS);
  readonly #hash: KeyHash = { lo: 0, hi: 0 };
  #firstBits = FIRST_BITS;

  constructor(memory: KeyMemory, heap: KeyHeap, directory: number, hashOf: HashOf) {
    this.#memory = memory;
    this.#heap = heap;
    this.#directory = directory;
    this.#hashOf = hashOf;
    this.#cursor = new SlotCursor(memory);
  }

  /** So many entries are about to come: segments begin with room for them. */
  expect(count: number): void {
    const slots = (count / SEGMENTS) * 1.5;
    this.#firstBits = Math.min(MOST_BITS, Math.max(FIRST_BITS, Math.ceil(Math.log2(slots))));
  }

  /** Nothing is there. Before anyone reads. */
  clear(): void {
    this.#memory.words.fill(0, this.#directory, this.#directory + SEGMENTS);
    this.#used.fill(0);
    this.#live.fill(0);
  }

  insert(unit: number, which: number, hash: KeyHash): void {
    const segment = segmentOf(hash.lo);
    const word = this.#memory.words[this.#directory + segment]!;
    const slots = word === 0 ? 0 : 1 << segmentBits(word);
    // At most three quarters full, so that whoever looks for what is not there soon comes to an EMPTY slot.
    if ((this.#used[segment]! + 1) * 4 > slots * 3) this.#rebuild(segment);
    this.#store(this.#memory.words[this.#directory + segment]!, segment, slotWord(unit, which, hash.lo), hash.hi);
  }

  /** Names another record in an entry; false where there is no such entry. */
  replace(unit: number, which: number, byUnit: number, byWhich: number, hash: KeyHash): boolean {
    const at = this.#find(unit, which, hash);
    if (at < 0) return false;
    Atomics.store(this.#memory.words, at, slotWord(byUnit, byWhich, hash.lo));
    return true;
  }

  remove(unit: number, which: number, hash: KeyHash): void {
    const at = this.#find(unit, which, hash);
    if (at < 0) return;
    Atomics.store(this.#memory.words, at, REMOVED);
    this.#live[segmentOf(hash.lo)]!--;
  }

  /** The records of one segment. */
  unitsOf(segment: number): Uint32Array {
    const units = new Uint32Array(this.#live[segment]!);
    const slots = this.#slots(segment);
    let count = 0;
    // By index: all of a million keys are listed in one turn.
    for (let i = 0; i < slots.length; i++) {
      const word = slots[i]!;
      if (word !== EMPTY && word !== REMOVED) units[count++] = unitOf(word);
    }
    return units;
  }

  get size(): number {
    return this.#live.reduce((total, live) => total + live, 0);
  }

  #find(unit: number, which: number, hash: KeyHash): number {
    const wanted = slotWord(unit, which, hash.lo);
    this.#cursor.begin(this.#directory, hash.lo, hash.hi);
    for (let word = this.#cursor.next(); word !== EMPTY; word = this.#cursor.next()) {
      if (word === wanted) return this.#cursor.at;
    }
    return -1;
  }

  #slots(segment: number): Int32Array {
    const word = this.#memory.words[this.#directory + segment]!;
    if (word === 0) return new Int32Array(0);
    const first = unitOf(word) * WORDS_PER_UNIT;
    return this.#memory.words.subarray(first, first + (1 << segmentBits(word)));
  }

  /** A new segment with what lives, at most half full; then the directory names it. */
  #rebuild(segment: number): void {
    const old = this.#memory.words[this.#directory + segment]!;
    let bits = old === 0 ? this.#firstBits : FIRST_BITS;
    while (1 << bits < 2 * (this.#live[segment]! + 1)) bits++;
    const units = (1 << bits) / WORDS_PER_UNIT;
    const unit = this.#heap.take(units);
    const next = segmentWord(unit, bits);
    this.#memory.words.fill(EMPTY, unit * WORDS_PER_UNIT, (unit + units) * WORDS_PER_UNIT);
    const before = this.#slots(segment);
    this.#used[segment] = 0;
    this.#live[segment] = 0;
    for (const word of before) {
      if (word === EMPTY || word === REMOVED) continue;
      this.#hashOf(unitOf(word), whichOf(word), this.#hash);
      this.#store(next, segment, word, this.#hash.hi);
    }
    Atomics.store(this.#memory.words, this.#directory + segment, next);
    if (old !== 0) this.#heap.retire(unitOf(old), (1 << segmentBits(old)) / WORDS_PER_UNIT);
  }

  #store(segmentAt: number, segment: number, word: number, hi: number): void {
    const { words } = this.#memory;
    const first = unitOf(segmentAt) * WORDS_PER_UNIT;
    const mask = (1 << segmentBits(segmentAt)) - 1;
    let slot = hi & mask;
    while (words[first + slot]! !== EMPTY && words[first + slot]! !== REMOVED) slot = (slot + 1) & mask;
    if (words[first + slot] === EMPTY) this.#used[segment]!++;
    this.#live[segment]!++;
    Atomics.store(words, first + slot, word);
  }
}
