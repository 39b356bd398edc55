import { hashItem, SetDigest, type TrackItem } from '@sluice/engine';
import { Slices } from '../slices.ts';
import { API_KEY_KIND, SEGMENTS } from './key-memory.ts';
import type { HeldKey, KeyStore } from './key-store.ts';
import { PinnedKeys } from './pinned-keys.ts';
import { UnitList } from './unit-list.ts';

/**
 * A change of the keys that is taken in while it arrives, and made when all of it is there and verified: records are written, and nothing
 * leads to them before {@link apply}. It names each key once: one that does not has another digest than it says.
 */
export class KeyStaging {
  readonly #store: KeyStore;
  readonly #isSnapshot: boolean;
  #version: number;
  readonly #mark: number;
  readonly #held = new Map<string, HeldKey>();
  readonly #removals = new Set<string>();
  readonly #units = new UnitList();
  /** Of what was put. */
  readonly #put = new SetDigest();
  #digest: SetDigest | undefined;

  constructor(store: KeyStore, isSnapshot: boolean) {
    this.#store = store;
    this.#isSnapshot = isSnapshot;
    this.#version = store.version;
    this.#mark = isSnapshot ? store.takeMark() : 0;
  }

  /** What a snapshot repeats was compared with the keys as they were when it began: nothing else changed them since. */
  get isCurrent(): boolean {
    return !this.#isSnapshot || this.#version === this.#store.version;
  }

  /** How many keys a delta changes. */
  get size(): number {
    return this.#units.length + this.#held.size + this.#removals.size;
  }

  /** @throws KeysFull */
  put(item: TrackItem): void {
    const { name, content } = item;
    this.#put.add(hashItem(API_KEY_KIND, name, content));
    if (this.#isSnapshot && this.#isSame(name, content)) return;
    const written = this.#store.write(item, this.#mark);
    if (typeof written === 'number') this.#units.push(written);
    else this.#held.set(name, { item: { kind: API_KEY_KIND, name, content: Buffer.from(content) }, reason: written });
  }

  /** Of a delta: comes before what it puts, whenever it is told. */
  remove(name: string): void {
    this.#removals.add(name);
  }

  /** Works out the digest of all keys once this is made, in slices. Holds as long as nothing else changes the store. */
  async digestAfter(): Promise<SetDigest> {
    const digest = this.#isSnapshot ? new SetDigest() : this.#store.digest.clone();
    digest.add(this.#put.bytes());
    if (!this.#isSnapshot) {
      const slices = new Slices();
      for (const name of this.#changed()) {
        const before = this.#store.latestHash(name);
        if (before !== undefined) digest.remove(before);
        if (slices.isOver()) await slices.pause();
      }
    }
    this.#digest = digest;
    return digest;
  }

  /** Makes the change, in slices, once its digest was worked out. Who looks meanwhile finds each key as it was or as it will be. */
  async apply(): Promise<void> {
    const digest = this.#digest ?? (await this.digestAfter());
    const slices = new Slices();
    const { length } = this.#units;
    this.#store.expect(this.#store.size + length);
    for (const name of this.#removals) {
      this.#store.release(name);
      this.#store.deactivate(name);
      if (slices.isOver()) await slices.pause();
    }
    for (let i = 0; i < length; i++) {
      const unit = this.#units.at(i);
      this.#store.activate(unit);
      if (!this.#isSnapshot) this.#store.release(this.#store.memory.nameOf(unit));
      if (slices.isOver()) await slices.pause();
    }
    if (this.#isSnapshot) await this.#removeOthers(slices);
    for (const [name, held] of this.#held) {
      this.#store.hold(name, held);
      if (slices.isOver()) await slices.pause();
    }
    this.#store.setDigest(digest);
    this.#version = this.#store.version;
    if (this.#isSnapshot) this.#units.clear();
  }

  /** What a delta put, once it is made; undefined: the keys have changed since. */
  pin(): PinnedKeys | undefined {
    return this.#version === this.#store.version ? new PinnedKeys(this.#store, this.#units, this.#held) : undefined;
  }

  /** What a delta removed. */
  get removals(): Iterable<string> {
    return this.#removals;
  }

  /** Gives up what was taken in. */
  discard(): void {
    for (let i = 0; i < this.#units.length; i++) this.#store.unwrite(this.#units.at(i));
    this.#units.clear();
  }

  /** Each key once, as long as it is put once. */
  *#changed(): Generator<string> {
    yield* this.#removals;
    for (let i = 0; i < this.#units.length; i++) {
      const name = this.#store.memory.nameOf(this.#units.at(i));
      if (!this.#removals.has(name)) yield name;
    }
    for (const name of this.#held.keys()) if (!this.#removals.has(name)) yield name;
  }

  /** What a snapshot repeats is no change. What is the last good version of a key that it changes stays until there is another. */
  #isSame(name: string, content: Uint8Array): boolean {
    const unit = this.#store.unitOf(name);
    if (unit === 0) return false;
    this.#store.mark(unit, this.#mark);
    return this.#store.memory.holds(unit, content);
  }

  /** What the snapshot does not name is gone. */
  async #removeOthers(slices: Slices): Promise<void> {
    for (const name of [...this.#store.held.keys()]) this.#store.release(name);
    for (let segment = 0; segment < SEGMENTS; segment++) {
      for (const unit of this.#store.unitsOf(segment)) {
        if (this.#store.markOf(unit) !== this.#mark) this.#store.deactivate(this.#store.memory.nameOf(unit));
      }
      if (slices.isOver()) await slices.pause();
    }
  }
}
