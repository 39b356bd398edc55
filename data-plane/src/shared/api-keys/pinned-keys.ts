import type { TrackItem } from '@sluice/engine';
import { API_KEY_KIND, HEAD_BYTES, type KeyMemory, SEGMENTS, UNIT_BYTES } from './key-memory.ts';
import type { HeldKey, KeyStore } from './key-store.ts';
import { UnitList } from './unit-list.ts';

/** Keys as they were at one moment: four bytes for each, while the store goes on. To be given back by {@link release}. */
export class PinnedKeys {
  readonly #store: KeyStore;
  readonly #units: UnitList;
  readonly #held: ReadonlyMap<string, HeldKey>;
  #released = false;

  /** @param units the active records of these keys, or of their last good versions; the list goes with this */
  constructor(store: KeyStore, units: UnitList, held: ReadonlyMap<string, HeldKey>) {
    this.#store = store;
    this.#units = units;
    this.#held = held;
    store.heap.pin();
  }

  /** All keys of a store. */
  static all(store: KeyStore): PinnedKeys {
    const units = new UnitList();
    for (let segment = 0; segment < SEGMENTS; segment++) {
      units.append(store.unitsOf(segment));
    }
    return new PinnedKeys(store, units, new Map(store.held));
  }

  /** The latest version of each. */
  *latest(): Generator<TrackItem> {
    const { memory } = this.#store;
    for (const unit of this.#plain())
      yield { kind: API_KEY_KIND, name: memory.nameOf(unit), content: memory.contentOf(unit) };
    yield* this.heldItems();
  }

  /** Of those that cannot be built, the latest version. */
  *heldItems(): Generator<TrackItem> {
    for (const { item } of this.#held.values()) yield item;
  }

  /**
   * The latest version of each that is not held, `count` at a time, as they stand in an Update of sluice.sync.v1: the field of its items,
   * without the tag of the first. Made from the records at once, as a million objects in between are what a node would keep the memory of.
   */
  *encoded(count: number): Generator<Uint8Array> {
    const units = new Uint32Array(count);
    let taken = 0;
    for (const unit of this.#plain()) {
      units[taken++] = unit;
      if (taken < count) continue;
      yield encodeItems(this.#store.memory, units);
      taken = 0;
    }
    if (taken > 0) yield encodeItems(this.#store.memory, units.subarray(0, taken));
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#units.clear();
    this.#store.heap.unpin();
  }

  *#plain(): Generator<number> {
    const { memory } = this.#store;
    for (let i = 0; i < this.#units.length; i++) {
      const unit = this.#units.at(i);
      if (this.#held.size === 0 || !this.#held.has(memory.nameOf(unit))) yield unit;
    }
  }
}

/** Of Update: `repeated Item upserts = 6`. */
const UPSERT_TAG = (6 << 3) | 2;
/** Of Item: `kind = 1`, `name = 2`, `content = 3`. */
const KIND = Buffer.from([(1 << 3) | 2, API_KEY_KIND.length, ...Buffer.from(API_KEY_KIND)]);
const NAME_TAG = (2 << 3) | 2;
const CONTENT_TAG = (3 << 3) | 2;

function encodeItems(memory: KeyMemory, units: Uint32Array): Uint8Array {
  let bytes = -1;
  for (const unit of units) {
    const item = itemBytes(memory, unit);
    bytes += 1 + varintBytes(item) + item;
  }
  const out = Buffer.allocUnsafeSlow(bytes);
  let at = 0;
  for (const unit of units) {
    if (at > 0) out[at++] = UPSERT_TAG;
    at = writeVarint(out, at, itemBytes(memory, unit));
    at += KIND.copy(out, at);
    const start = unit * UNIT_BYTES + HEAD_BYTES;
    // A record begins with the field of its name, which is short: a tag, a byte of its length, and the name.
    const nameBytes = memory.bytes[start + 1]!;
    out[at++] = NAME_TAG;
    out[at++] = nameBytes;
    at += memory.bytes.copy(out, at, start + 2, start + 2 + nameBytes);
    out[at++] = CONTENT_TAG;
    const length = memory.lengthOf(unit);
    at = writeVarint(out, at, length);
    at += memory.bytes.copy(out, at, start, start + length);
  }
  return out;
}

function itemBytes(memory: KeyMemory, unit: number): number {
  const length = memory.lengthOf(unit);
  const nameBytes = memory.bytes[unit * UNIT_BYTES + HEAD_BYTES + 1]!;
  return KIND.length + 2 + nameBytes + 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : 3;
}

function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value;
  let next = at;
  for (; rest > 127; rest >>>= 7) out[next++] = (rest & 127) | 128;
  out[next++] = rest;
  return next;
}
