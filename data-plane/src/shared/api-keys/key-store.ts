import {
  type BuiltApiKey,
  CannotBuild,
  type HeldItem,
  hashItem,
  newScannedKey,
  SetDigest,
  scanApiKey,
  type TrackItem,
} from '@sluice/engine';
import { halfSipHash } from '../half-sip-hash.ts';
import { KeyHeap } from './key-heap.ts';
import { type KeyHash, KeyIndex } from './key-index.ts';
import {
  API_KEY_KIND,
  EMPTY,
  HEAD_BYTES,
  KeyMemory,
  MARK_SHIFT,
  MAX_CONTENT_BYTES,
  MAX_MARK,
  NAMES,
  PLAIN,
  SECRETS,
  SEGMENTS,
  SlotCursor,
  UNIT_BYTES,
  unitOf,
  WORDS_PER_UNIT,
} from './key-memory.ts';
import { wordOf } from './key-reader.ts';
import { PinnedKeys } from './pinned-keys.ts';

export interface KeyStoreOptions {
  /** Key of the hash of names. */
  readonly hashKey: readonly [number, number];
  /** Builds a key that is not plain, as workers will. */
  readonly build: (item: TrackItem) => BuiltApiKey | CannotBuild;
  /** A key that was built that way is no longer there, or there is another in its place. */
  readonly released?: (before: BuiltApiKey, after: BuiltApiKey | undefined) => void;
}

/** A key whose latest version this node cannot build. */
export interface HeldKey {
  readonly item: TrackItem;
  readonly reason: string;
}

const NAME_DOMAIN = 7;
const SECRETS_OF_A_KEY = [0, 1];

/**
 * The API keys of a node, in its main thread: the latest as the control plane has them, and what of them is active. A key is not kept as
 * an object: only those are that cannot be built, beside the last good version where there is one. Longer than other files: each of its
 * methods changes names, secrets and records together, and none may be changed without the others.
 */
export class KeyStore {
  readonly memory: KeyMemory;
  readonly heap: KeyHeap;
  /** Grows with each change. */
  version = 0;
  readonly #options: KeyStoreOptions;
  readonly #secrets: KeyIndex;
  readonly #names: KeyIndex;
  readonly #cursor: SlotCursor;
  readonly #hash: KeyHash = { lo: 0, hi: 0 };
  readonly #scanned = newScannedKey();
  #held = new Map<string, HeldKey>();
  #digest = new SetDigest();
  #mark = 0;

  constructor(buffer: SharedArrayBuffer, options: KeyStoreOptions) {
    this.#options = options;
    this.memory = new KeyMemory(buffer);
    this.heap = new KeyHeap(this.memory);
    this.#cursor = new SlotCursor(this.memory);
    this.#secrets = new KeyIndex(this.memory, this.heap, SECRETS, (unit, which, out) => {
      readHash(this.memory, this.memory.secretAt(unit, which), out);
    });
    this.#names = new KeyIndex(this.memory, this.heap, NAMES, (unit, _which, out) => {
      halfSipHash(options.hashKey, NAME_DOMAIN, this.memory.nameOf(unit), out);
    });
  }

  /** The latest. */
  get size(): number {
    let size = this.#names.size;
    for (const name of this.#held.keys()) if (this.unitOf(name) === 0) size++;
    return size;
  }

  /** Of the latest. */
  get digest(): SetDigest {
    return this.#digest;
  }

  get held(): ReadonlyMap<string, HeldKey> {
    return this.#held;
  }

  heldItems(): HeldItem[] {
    return [...this.#held].map(([name, { reason }]) => ({
      kind: API_KEY_KIND,
      name,
      reason,
      lastGood: this.unitOf(name) !== 0,
    }));
  }

  /** The record of the active version; 0: there is none. */
  unitOf(name: string): number {
    halfSipHash(this.#options.hashKey, NAME_DOMAIN, name, this.#hash);
    this.#cursor.begin(NAMES, this.#hash.lo, this.#hash.hi);
    for (let word = this.#cursor.next(); word !== EMPTY; word = this.#cursor.next()) {
      if (this.memory.nameOf(unitOf(word)) === name) return unitOf(word);
    }
    return 0;
  }

  /** What adds the latest version of a key to the digest; undefined: there is none. */
  latestHash(name: string): Uint8Array | undefined {
    const held = this.#held.get(name);
    if (held !== undefined) return hashItem(API_KEY_KIND, name, held.item.content);
    const unit = this.unitOf(name);
    return unit === 0 ? undefined : hashItem(API_KEY_KIND, name, this.memory.contentOf(unit));
  }

  /** A number for a staging that no record has; {@link mark}. */
  takeMark(): number {
    if (this.#mark === MAX_MARK) {
      for (let segment = 0; segment < SEGMENTS; segment++) {
        for (const unit of this.#names.unitsOf(segment)) this.mark(unit, 0);
      }
      this.#mark = 0;
    }
    return ++this.#mark;
  }

  /** Notes in a record which staging met it. Readers do not look there. */
  mark(unit: number, mark: number): void {
    const { words } = this.memory;
    words[unit * WORDS_PER_UNIT] = (words[unit * WORDS_PER_UNIT]! & ((1 << MARK_SHIFT) - 1)) | (mark << MARK_SHIFT);
  }

  markOf(unit: number): number {
    return this.memory.words[unit * WORDS_PER_UNIT]! >>> MARK_SHIFT;
  }

  /**
   * Writes a record that nothing names yet; or why this node cannot build the key.
   * @throws KeysFull
   */
  write(item: TrackItem, mark: number): number | string {
    const { content, name } = item;
    const scanned = this.#scanned;
    const isPlain = scanApiKey(content, 0, content.length, scanned);
    let places = 0;
    if (isPlain) {
      if (scanned.enabled) {
        if (scanned.hashAt > 0) places = scanned.hashAt + HEAD_BYTES;
        if (scanned.previousHashAt > 0) places |= (scanned.previousHashAt + HEAD_BYTES) << 16;
      }
    } else {
      const built = this.#options.build(item);
      if (built instanceof CannotBuild) return built.message;
      if (content.length > MAX_CONTENT_BYTES) return `is longer than ${MAX_CONTENT_BYTES} bytes`;
      places = placesOf(built, content);
    }
    const first = Buffer.from(name, 'latin1');
    if (content[0] !== 0x0a || content[1] !== first.length || first.compare(content, 2, 2 + first.length) !== 0) {
      return 'has another name than it says';
    }
    const unit = this.heap.takeRecord(unitsFor(content.length));
    const { words, bytes } = this.memory;
    words[unit * WORDS_PER_UNIT] = content.length | (isPlain ? PLAIN : 0) | (mark << MARK_SHIFT);
    words[unit * WORDS_PER_UNIT + 1] = places;
    bytes.set(content, unit * UNIT_BYTES + HEAD_BYTES);
    return unit;
  }

  /** Gives up a record that nothing names. */
  unwrite(unit: number): void {
    this.heap.giveRecordBack(unit, unitsFor(this.memory.lengthOf(unit)));
  }

  /** So many keys are about to come. */
  expect(count: number): void {
    this.#secrets.expect(count);
    this.#names.expect(count);
  }

  /** Nothing is there. Before anyone reads. */
  clear(): void {
    this.#secrets.clear();
    this.#names.clear();
    this.heap.clear();
    this.#held.clear();
    this.#digest = new SetDigest();
  }

  /** Makes a record that was written what its name and its secrets lead to. */
  activate(unit: number): void {
    const name = this.memory.nameOf(unit);
    const before = this.unitOf(name);
    for (const which of SECRETS_OF_A_KEY) {
      if (!this.#hashSecret(unit, which)) continue;
      // The same secret leads to one or the other at any moment.
      const isReplaced = before !== 0 && SECRETS_OF_A_KEY.some((was) => this.#replaceSecret(before, was, unit, which));
      if (!isReplaced) this.#secrets.insert(unit, which, this.#hash);
    }
    halfSipHash(this.#options.hashKey, NAME_DOMAIN, name, this.#hash);
    if (before === 0) this.#names.insert(unit, 0, this.#hash);
    else {
      this.#names.replace(before, 0, unit, 0, this.#hash);
      this.#retire(before, unit);
    }
  }

  /** Takes away the active version. */
  deactivate(name: string): void {
    const unit = this.unitOf(name);
    if (unit === 0) return;
    this.#names.remove(unit, 0, this.#hash);
    this.#retire(unit, 0);
  }

  hold(name: string, held: HeldKey): void {
    this.#held.set(name, held);
  }

  release(name: string): void {
    this.#held.delete(name);
  }

  setDigest(digest: SetDigest): void {
    this.#digest = digest;
    this.version++;
  }

  /** The active versions of those whose latest cannot be built. */
  lastGoodItems(): TrackItem[] {
    const items: TrackItem[] = [];
    for (const name of this.#held.keys()) {
      const unit = this.unitOf(name);
      if (unit !== 0) items.push({ kind: API_KEY_KIND, name, content: this.memory.contentOf(unit) });
    }
    return items;
  }

  /** The active records of one segment of the names; their order means nothing. */
  unitsOf(segment: number): Uint32Array {
    return this.#names.unitsOf(segment);
  }

  /** All as it is now, to be read while it changes. */
  pin(): PinnedKeys {
    return PinnedKeys.all(this);
  }

  #retire(unit: number, successor: number): void {
    for (const which of SECRETS_OF_A_KEY)
      if (this.#hashSecret(unit, which)) this.#secrets.remove(unit, which, this.#hash);
    if (!this.memory.isPlain(unit)) {
      const after = successor === 0 || this.memory.isPlain(successor) ? undefined : this.#build(successor);
      const built = this.#build(unit);
      if (built !== undefined) this.#options.released?.(built, after);
    }
    this.heap.retireRecord(unit, unitsFor(this.memory.lengthOf(unit)));
  }

  #build(unit: number): BuiltApiKey | undefined {
    const built = this.#options.build({
      kind: API_KEY_KIND,
      name: this.memory.nameOf(unit),
      content: this.memory.contentOf(unit),
    });
    return built instanceof CannotBuild ? undefined : built;
  }

  #hashSecret(unit: number, which: number): boolean {
    const at = this.memory.secretAt(unit, which);
    if (at !== 0) readHash(this.memory, at, this.#hash);
    return at !== 0;
  }

  #replaceSecret(before: number, was: number, unit: number, which: number): boolean {
    const at = this.memory.secretAt(unit, which);
    const beforeAt = this.memory.secretAt(before, was);
    const { bytes } = this.memory;
    if (beforeAt === 0 || bytes.compare(bytes, at, at + HASH_BYTES, beforeAt, beforeAt + HASH_BYTES) !== 0)
      return false;
    return this.#secrets.replace(before, was, unit, which, this.#hash);
  }
}

const HASH_BYTES = 32;

function readHash({ bytes }: KeyMemory, at: number, out: KeyHash): void {
  out.lo = wordOf(bytes, at);
  out.hi = wordOf(bytes, at + 4);
}

function unitsFor(contentBytes: number): number {
  return Math.ceil((HEAD_BYTES + contentBytes) / UNIT_BYTES);
}

/** Where the hashes of the secrets are in a record with this content. */
function placesOf({ secrets }: BuiltApiKey, content: Uint8Array): number {
  let places = 0;
  for (const [which, { hash }] of secrets.entries()) {
    const at = Buffer.from(content.buffer, content.byteOffset, content.length).indexOf(Buffer.from(hash, 'hex'));
    if (hash.length === 2 * HASH_BYTES && at >= 0) places |= (at + HEAD_BYTES) << (16 * which);
  }
  return places;
}
