/**
 * API keys in shared memory: written by the main thread alone, read by all workers without a lock. Everything is in one buffer that
 * grows, in units of 8 bytes:
 *
 *   directories   two, of secrets and of names: a word for each of SEGMENTS segments, saying where it is and how long
 *   segments      of slots, a power of two: an open-addressed table of the keys whose hash falls into it. A slot says where a record is
 *   records       two words of head (below), and the key as it was received: what its digest is of, and all that is known of it
 *
 * What a reader can reach never changes but by single stores of words: a record is written before a slot names it, a segment before
 * the directory does, and what is no longer named is used again only after every worker has answered the main thread since
 * (`KeyHeap.reclaim`), so that no read can be under way.
 */

export const API_KEY_KIND = 'ApiKey';

export const UNIT_BYTES = 8;
export const WORDS_PER_UNIT = UNIT_BYTES / 4;
/**
 * Of one directory. A segment is what is copied at once when it grows: at a million keys some hundreds. As many as make its slots, which
 * are a power of two, two thirds full then.
 */
export const SEGMENTS = 1536;
/** Where the directories are, in words. */
export const SECRETS = 0;
export const NAMES = SEGMENTS;
/** The first unit that can be given away. */
export const FIRST_UNIT = (2 * SEGMENTS * 4) / UNIT_BYTES;
/** Half of it is for records, about two million: past them a change of keys is refused. */
const MAX_BYTES = 512 * 1024 * 1024;

const UNIT_BITS = 26;
const UNIT_MASK = (1 << UNIT_BITS) - 1;

/** A slot nothing was ever in: nobody looks further. */
export const EMPTY = 0;
/** A slot whose key is gone; what comes after it may still be what is looked for. No record is at unit 1. */
export const REMOVED = 1;

const TAG_SHIFT = UNIT_BITS + 1;

/** Of a slot's word: the record, which of its secrets (0 the current, 1 the one before it), and five bits of the hash. */
export function slotWord(unit: number, which: number, lo: number): number {
  return unit | (which << UNIT_BITS) | (tagOf(lo) << TAG_SHIFT);
}

export function unitOf(word: number): number {
  return word & UNIT_MASK;
}

export function whichOf(word: number): number {
  return (word >>> UNIT_BITS) & 1;
}

/** Of a directory's word: where the segment is, and the power of two that it has of slots. */
export function segmentWord(unit: number, bits: number): number {
  return unit | (bits << UNIT_BITS);
}

export function segmentBits(word: number): number {
  return word >>> UNIT_BITS;
}

export function segmentOf(lo: number): number {
  return (lo >>> 0) % SEGMENTS;
}

function tagOf(lo: number): number {
  return lo >>> TAG_SHIFT;
}

/**
 * The head of a record. First word: the length of what follows the head, flags, and the mark of the staging that has last met it; second:
 * where in the record its secrets' hashes are, from its start; 0: not there, or not accepted.
 */
export const HEAD_BYTES = 8;
export const MAX_CONTENT_BYTES = 0xffff - HEAD_BYTES;
/** A `scanApiKey` reads it; else it has to be decoded. */
export const PLAIN = 1 << 16;
export const MARK_SHIFT = 17;
export const MAX_MARK = 2 ** (32 - MARK_SHIFT) - 1;

/** @param maxBytes at most `MAX_BYTES`, which is what a slot can name */
export function createKeyMemory(maxBytes: number = MAX_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(FIRST_UNIT * UNIT_BYTES, { maxByteLength: maxBytes });
}

/** The buffer as one thread sees it. */
export class KeyMemory {
  readonly buffer: SharedArrayBuffer;
  /** Of a fixed length, for which the engine's code is several times faster than for one that follows the buffer's. */
  words: Int32Array;
  bytes: Buffer;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer, 0, buffer.byteLength / 4);
    this.bytes = Buffer.from(buffer, 0, buffer.byteLength);
  }

  /** Once before each use: the main thread may have made the buffer longer. */
  refresh(): void {
    const { buffer } = this;
    if (this.bytes.length === buffer.byteLength) return;
    this.words = new Int32Array(buffer, 0, buffer.byteLength / 4);
    this.bytes = Buffer.from(buffer, 0, buffer.byteLength);
  }

  /** The length of a record's content. */
  lengthOf(unit: number): number {
    return this.words[unit * WORDS_PER_UNIT]! & 0xffff;
  }

  isPlain(unit: number): boolean {
    return (this.words[unit * WORDS_PER_UNIT]! & PLAIN) !== 0;
  }

  /** Where the hash of a secret is, in bytes of the memory; 0: the record has none. */
  secretAt(unit: number, which: number): number {
    const places = this.words[unit * WORDS_PER_UNIT + 1]!;
    const place = which === 0 ? places & 0xffff : places >>> 16;
    return place === 0 ? 0 : unit * UNIT_BYTES + place;
  }

  /** The name is the first field of each record: it is written only where that is so. */
  nameOf(unit: number): string {
    const at = unit * UNIT_BYTES + HEAD_BYTES + 2;
    return this.bytes.toString('latin1', at, at + this.bytes[at - 1]!);
  }

  /** Whether that is the content of a record. */
  holds(unit: number, content: Uint8Array): boolean {
    const at = unit * UNIT_BYTES + HEAD_BYTES;
    const length = this.lengthOf(unit);
    return length === content.length && this.bytes.compare(content, 0, length, at, at + length) === 0;
  }

  /** The content of a record, as it was received. */
  contentOf(unit: number): Buffer {
    const at = unit * UNIT_BYTES + HEAD_BYTES;
    // A copy that is not shared: decoders refuse shared memory.
    return Buffer.from(this.bytes.subarray(at, at + this.lengthOf(unit)));
  }
}

/** Walks the slots of a hash whose words may be of it. */
export class SlotCursor {
  /** Of the slot that was found last, in words of the memory. */
  at = 0;
  readonly #memory: KeyMemory;
  #first = 0;
  #mask = 0;
  #next = 0;
  #left = 0;
  #tag = 0;

  constructor(memory: KeyMemory) {
    this.#memory = memory;
  }

  begin(directory: number, lo: number, hi: number): void {
    const word = Atomics.load(this.#memory.words, directory + segmentOf(lo));
    this.#left = 0;
    if (word === 0) return;
    const slots = 1 << segmentBits(word);
    this.#first = unitOf(word) * WORDS_PER_UNIT;
    this.#mask = slots - 1;
    this.#next = hi & this.#mask;
    this.#left = slots;
    this.#tag = tagOf(lo);
  }

  /** The next word; EMPTY: there is none. */
  next(): number {
    const { words } = this.#memory;
    while (this.#left > 0) {
      this.at = this.#first + this.#next;
      this.#next = (this.#next + 1) & this.#mask;
      this.#left--;
      const word = Atomics.load(words, this.at);
      if (word === EMPTY) break;
      if (word !== REMOVED && word >>> TAG_SHIFT === this.#tag) return word;
    }
    this.#left = 0;
    return EMPTY;
  }
}
