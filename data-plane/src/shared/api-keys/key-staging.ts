import { hashItem, SetDigest, type TrackItem } from '@sluice/engine';
import { Slices } from '../slices.ts';
import { API_KEY_KIND, SEGMENTS } from './key-memory.ts';
import type { HeldKey, KeyStore } from './key-store.ts';
import { UnitList } from './unit-list.ts';

/**
 * A change of the keys that is taken in while it arrives, and made when all of it is there and verified: records are written, and nothing
 * leads to them before {@link apply}. Good as long as nothing else changed the store.
 */
export class KeyStaging {
  readonly #store: KeyStore;
  readonly #isSnapshot: boolean;
  readonly #version: number;
  readonly #mark: number;
  readonly #held = new Map<string, HeldKey>();
  readonly #removals = new Set<string>();
  /** What each key of a delta adds to the digest; a snapshot names none twice. */
  readonly #hashes = new Map<string, Uint8Array | undefined>();
  readonly digest: SetDigest;
  readonly #units = new UnitList();

  constructor(store: KeyStore, isSnapshot: boolean) {
    this.#store = store;
    this.#isSnapshot = isSnapshot;
    this.#version = store.version;
    this.#mark = isSnapshot ? store.takeMark() : 0;
    this.digest = isSnapshot ? new SetDigest() : store.digest.clone();
  }

  /** Nothing else changed the keys since. */
  get isCurrent(): boolean {
    return this.#version === this.#store.version;
  }

  /** @throws KeysFull */
  put(item: TrackItem): void {
    const { name, content } = item;
    this.#book(name, hashItem(API_KEY_KIND, name, content));
    if (this.#isSnapshot && this.#isSame(name, content)) return;
    const written = this.#store.write(item, this.#mark);
    if (typeof written === 'string') {
      this.#held.set(name, { item: { kind: API_KEY_KIND, name, content: Buffer.from(content) }, reason: written });
      return;
    }
    this.#held.delete(name);
    this.#units.push(written);
  }

  /** Of a delta; before what it puts. */
  remove(name: string): void {
    this.#book(name, undefined);
    this.#removals.add(name);
  }

  /** Makes the change, in slices. Who looks meanwhile finds each key as it was or as it will be. */
  async apply(): Promise<void> {
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
    this.#store.setDigest(this.digest);
    this.#units.clear();
  }

  /** Gives up what was taken in. */
  discard(): void {
    for (let i = 0; i < this.#units.length; i++) this.#store.unwrite(this.#units.at(i));
    this.#units.clear();
  }

  #book(name: string, hash: Uint8Array | undefined): void {
    if (!this.#isSnapshot) {
      const before = this.#hashes.has(name) ? this.#hashes.get(name) : this.#store.latestHash(name);
      if (before !== undefined) this.digest.remove(before);
      this.#hashes.set(name, hash);
    }
    if (hash !== undefined) this.digest.add(hash);
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
