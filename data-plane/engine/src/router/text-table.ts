/**
 * Values by text, found by a part of a longer text without cutting it out. A `Map` would first have to make a string of the part, and
 * to look it up in the engine's table of all strings: of a request's path both cost more than the rest of routing.
 *
 * Open addressing, at most half full: slots of three neighbours (hash, text, value) in one array, so that a hit reads one cache line.
 */
export class TextTable<V> {
  #slots: (number | string | V | undefined)[] = new Array(SLOT * 2).fill(undefined);
  #size = 0;
  readonly #hashOf: (text: string) => number;

  /** `hashOf` may look at a part of the text only where texts hardly ever share that part. */
  constructor(hashOf: (text: string) => number = hashWhole) {
    this.#hashOf = hashOf;
  }

  get size(): number {
    return this.#size;
  }

  /** The value of `text[start..end)`; `hash` is the hash of that part. */
  find(text: string, start: number, end: number, hash: number): V | undefined {
    const slots = this.#slots;
    const { length } = slots;
    for (let at = (hash & (length / SLOT - 1)) * SLOT; ; at = at + SLOT === length ? 0 : at + SLOT) {
      const key = slots[at + KEY] as string | undefined;
      if (key === undefined) return undefined;
      if (slots[at] === hash && isPart(key, text, start, end)) return slots[at + VALUE] as V;
    }
  }

  get(key: string): V | undefined {
    return this.find(key, 0, key.length, this.#hashOf(key));
  }

  set(key: string, value: V): void {
    if ((this.#size + 1) * SLOT * 2 > this.#slots.length) this.#grow();
    const hash = this.#hashOf(key);
    const at = this.#place(key, hash);
    if (this.#slots[at + KEY] === undefined) this.#size++;
    this.#slots[at] = hash;
    this.#slots[at + KEY] = key;
    this.#slots[at + VALUE] = value;
  }

  /** False where it was not there. */
  delete(key: string): boolean {
    const slots = this.#slots;
    const { length } = slots;
    let hole = this.#place(key, this.#hashOf(key));
    if (slots[hole + KEY] === undefined) return false;
    this.#size--;
    // What was pushed on from its own place moves back, so that no search ends at the hole before it.
    for (let at = hole + SLOT; ; at += SLOT) {
      if (at === length) at = 0;
      if (slots[at + KEY] === undefined) break;
      const own = ((slots[at] as number) & (length / SLOT - 1)) * SLOT;
      const reachesHole = own <= at ? own <= hole && hole < at : own <= hole || hole < at;
      if (!reachesHole) continue;
      for (let i = 0; i < SLOT; i++) slots[hole + i] = slots[at + i];
      hole = at;
    }
    slots.fill(undefined, hole, hole + SLOT);
    return true;
  }

  /** Where the key is, or the free place where it would be. */
  #place(key: string, hash: number): number {
    const slots = this.#slots;
    const { length } = slots;
    let at = (hash & (length / SLOT - 1)) * SLOT;
    while (slots[at + KEY] !== undefined && !(slots[at] === hash && slots[at + KEY] === key)) {
      at = at + SLOT === length ? 0 : at + SLOT;
    }
    return at;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Array(before.length * 2).fill(undefined);
    for (let from = 0; from < before.length; from += SLOT) {
      const key = before[from + KEY] as string | undefined;
      if (key === undefined) continue;
      const to = this.#place(key, before[from] as number);
      for (let i = 0; i < SLOT; i++) this.#slots[to + i] = before[from + i];
    }
  }
}

/** Cells of a slot; its hash is the first. */
const SLOT = 3;
const KEY = 1;
const VALUE = 2;
const SLASH = 0x2f;

/** Behind the segment that `hashSegment` looked at last: at a slash or at the path's end. */
export let segmentEnd = 0;

/** `hashText` of the path's segment that begins at `start`; sets `segmentEnd`. */
export function hashSegment(path: string, start: number): number {
  let hash = BASIS;
  let at = start;
  for (; at < path.length; at++) {
    const code = path.charCodeAt(at);
    if (code === SLASH) break;
    hash = Math.imul(hash ^ code, PRIME);
  }
  segmentEnd = at;
  return mixed(hash);
}

/** A hash of `text[start..end)`, a small integer (FNV-1a, its high bits mixed into the low ones). */
export function hashText(text: string, start: number, end: number): number {
  return hashFrom(BASIS, text, start, end);
}

/**
 * A hash of the length and the last characters alone, for keys and tokens: they are long, and end in what is random. The length,
 * because one token may be presented behind any number of spaces.
 */
export function hashTail(text: string): number {
  return hashFrom(BASIS ^ text.length, text, Math.max(0, text.length - TAIL), text.length);
}

function hashFrom(basis: number, text: string, start: number, end: number): number {
  let hash = basis;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return mixed(hash);
}

function hashWhole(text: string): number {
  return hashText(text, 0, text.length);
}

const TAIL = 24;
const BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

function mixed(hash: number): number {
  return (hash ^ (hash >>> 15)) & 0x3fffffff;
}

function isPart(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  if (end === text.length && start === 0) return key === text;
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) !== text.charCodeAt(start + i)) return false;
  return true;
}
