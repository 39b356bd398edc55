/** No cell: the key is not in the table. */
const ABSENT = -1;
/** No cell: the key is not in the table and its bucket has none to give. */
export const FULL = -2;

/** Cells of one bucket: a cache line of keys. */
const BUCKET = 8;
/** The word of a cell that belongs to nobody: its key means nothing and anyone may claim it. */
const VOID = -1n;
/** No cell: another writer is to have the key. */
const GIVE_WAY = -3;
const MAX_CLAIMS = 256;
/** How often a claimant looks again at the claims of others, each a matter of nanoseconds, before it takes one over. */
const PATIENCE = 32;
/** After that one look in so many takes over; in the others it gives way as before, so that two do not undo each other for ever. */
const IMPATIENT_EVERY = 4;

/** The memory of a table: a word and a key for each cell, a power of two of them. Further words are its limiter's own. */
export interface CellBuffers {
  readonly words: SharedArrayBuffer;
  readonly keys: SharedArrayBuffer;
}

/** What a table has to know of the words of live cells. */
export interface CellRules {
  /** Whether nothing would be lost with the cell, which has this word. */
  isForgettable(cell: number, word: bigint, nowUs: number): boolean;
  /**
   * What a claimed cell starts with, not negative; makes ready whatever else belongs to it. `claim` is its word meanwhile, unless it
   * was taken over.
   */
  firstWord(cell: number, claim: bigint): bigint;
}

/**
 * Which cell belongs to which key. A key's 64-bit hash chooses a bucket of eight cells by its low bits and is stored whole but
 * for its low byte, which the bucket implies and where instead a count of the cell's owners stands.
 *
 * The word of a cell says what it is: not negative, *live*: what its limiter keeps there; negative, *claimed*: a number no other
 * claim has; or VOID. A key in use has at most one live cell, because a claim goes
 *   1. swap the word of a cell that is void, or forgettable (no later decision could tell it from a new one), for a number of
 *      one's own; where there is none but others are claiming, take over from one who is slow, or died;
 *   2. swap the key (the owner count makes a late swap of a claimant who was overtaken fail);
 *   3. void every other claim of the same key, or, where a writer of a lower number is claiming it, one's own, and look again; where
 *      the key turns out to be live elsewhere, void one's own and use that;
 *   4. swap one's number for the first word, which fails when it was voided: then start again.
 * Of two claimants of one key the one who stored its key first is seen by the other in step 3, and either loses its number there, or
 * has gone live, which the other then sees, or the other gives way. Giving way has its end (PATIENCE): no step waits for anyone.
 */
export class LimiterTable {
  readonly words: BigInt64Array<SharedArrayBuffer>;
  readonly #wordHalves: Int32Array<SharedArrayBuffer>;
  readonly #keys: BigInt64Array<SharedArrayBuffer>;
  readonly #keyWords: Int32Array<SharedArrayBuffer>;
  readonly #bucketMask: number;
  readonly #claimHigh: number;
  #claims = 0;
  readonly #words = new Int32Array(4);
  readonly #bits = new BigInt64Array(this.#words.buffer);

  readonly #cells: CellRules;

  constructor(buffers: CellBuffers, writer: number, cells: CellRules) {
    this.words = new BigInt64Array(buffers.words);
    this.#wordHalves = new Int32Array(buffers.words);
    this.#keys = new BigInt64Array(buffers.keys);
    this.#keyWords = new Int32Array(buffers.keys);
    this.#bucketMask = this.#keys.length / BUCKET - 1;
    this.#claimHigh = 0x80000000 | ((writer + 1) << 20);
    this.#cells = cells;
  }

  /** The live cell of a key, or ABSENT. */
  find(lo: number, hi: number): number {
    const first = this.#bucketOf(lo);
    for (let cell = first; cell < first + BUCKET; cell++) {
      if (this.holds(cell, lo, hi) && Atomics.load(this.#wordHalves, 2 * cell + 1) >= 0) return cell;
    }
    return ABSENT;
  }

  /** Whether the key has a cell, or somebody is making one for it. */
  isKnown(lo: number, hi: number): boolean {
    const first = this.#bucketOf(lo);
    for (let cell = first; cell < first + BUCKET; cell++) {
      if (this.holds(cell, lo, hi) && Atomics.load(this.words, cell) !== VOID) return true;
    }
    return false;
  }

  /** Whether the key stored at `cell` is this one. */
  holds(cell: number, lo: number, hi: number): boolean {
    return (
      Atomics.load(this.#keyWords, 2 * cell + 1) === hi && (Atomics.load(this.#keyWords, 2 * cell) ^ lo) >>> 8 === 0
    );
  }

  /** A live cell for the key, its own from now on and starting with its first word unless another worker came first; or FULL. */
  claim(lo: number, hi: number, nowUs: number): number {
    const first = this.#bucketOf(lo);
    for (let attempt = 0; attempt < MAX_CLAIMS; attempt++) {
      const number = this.#claimNumber();
      const impatient = attempt > PATIENCE && attempt % IMPATIENT_EVERY === 0;
      const cell = this.#take(first, lo, hi, nowUs, number, impatient);
      if (cell === FULL) {
        const found = this.find(lo, hi);
        return found === ABSENT ? FULL : found;
      }
      if (cell === ABSENT) continue;
      const twin = this.#settle(first, cell, lo, hi, impatient);
      if (twin !== ABSENT) {
        Atomics.compareExchange(this.words, cell, number, VOID);
        if (twin === GIVE_WAY) continue;
        return twin;
      }
      const born = this.#cells.firstWord(cell, number);
      if (Atomics.compareExchange(this.words, cell, number, born) === number) return cell;
    }
    return FULL;
  }

  /** Live cells that may not be forgotten. Reads the whole table: for the main thread's reports. */
  inUse(nowUs: number): number {
    let used = 0;
    for (let cell = 0; cell < this.#keys.length; cell++) {
      if (this.#wordHalves[2 * cell + 1]! >= 0 && !this.#free(cell, this.words[cell]!, nowUs)) used++;
    }
    return used;
  }

  /** Steps 1 and 2. The cell; FULL when all are live and in use; ABSENT when it is worth to look again. */
  #take(first: number, lo: number, hi: number, nowUs: number, number: bigint, impatient: boolean): number {
    let outcome = FULL;
    for (let cell = first; cell < first + BUCKET; cell++) {
      // The key before the word: if the cell changes hands in between, the word's swap or the key's swap fails.
      const key = Atomics.load(this.#keys, cell);
      const before = Atomics.load(this.words, cell);
      if (!this.#free(cell, before, nowUs)) {
        if (before >= 0n) continue;
        outcome = ABSENT;
        if (!impatient) {
          if (!this.holds(cell, lo, hi)) continue;
          if (this.#comesFirst(before)) return ABSENT;
        }
      }
      if (Atomics.compareExchange(this.words, cell, before, number) !== before) return ABSENT;
      if (Atomics.compareExchange(this.#keys, cell, key, this.#keyAfter(key, lo, hi)) === key) return cell;
      Atomics.compareExchange(this.words, cell, number, VOID);
      return ABSENT;
    }
    return outcome;
  }

  /** Step 3: the other cell where this key is live, GIVE_WAY, or ABSENT once every other claim of it is void. */
  #settle(first: number, own: number, lo: number, hi: number, impatient: boolean): number {
    for (let cell = first; cell < first + BUCKET; cell++) {
      if (cell === own || !this.holds(cell, lo, hi)) continue;
      const word = Atomics.load(this.words, cell);
      if (word >= 0n) return cell;
      if (word === VOID) continue;
      if (!impatient && this.#comesFirst(word)) return GIVE_WAY;
      if (Atomics.compareExchange(this.words, cell, word, VOID) !== word) cell--;
    }
    return ABSENT;
  }

  /** Whether a claim is of a writer that others give way to. */
  #comesFirst(claim: bigint): boolean {
    return Number(BigInt.asIntN(32, claim >> 32n)) < this.#claimHigh;
  }

  /** Whether a cell with this word is nobody's. */
  #free(cell: number, word: bigint, nowUs: number): boolean {
    if (word < 0n) return word === VOID;
    return word === 0n || this.#cells.isForgettable(cell, word, nowUs);
  }

  /** Negative, never VOID, and no other claim's: the writer and a count. */
  #claimNumber(): bigint {
    this.#words[2] = ++this.#claims;
    this.#words[3] = this.#claimHigh;
    return this.#bits[1]!;
  }

  /** The key's word with one more owner counted in its low byte. */
  #keyAfter(before: bigint, lo: number, hi: number): bigint {
    const owners = (Number(before & 0xffn) + 1) & 0xff;
    this.#words[2] = (lo & ~0xff) | owners;
    this.#words[3] = hi;
    return this.#bits[1]!;
  }

  #bucketOf(lo: number): number {
    return (lo & this.#bucketMask) * BUCKET;
  }
}
