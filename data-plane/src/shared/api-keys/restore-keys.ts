import { hashItem, type TrackItem } from '@sluice/engine';
import { API_KEY_KIND } from './key-memory.ts';
import type { KeyStore } from './key-store.ts';

/** Fills a store that nobody reads yet, from what was kept of it. */
export class KeyRestore {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** Of what was put. */
  get digest(): Uint8Array {
    return this.#store.digest.bytes();
  }

  /** About so many come. */
  expect(count: number): void {
    this.#store.expect(count);
  }

  /** @throws KeysFull */
  put(item: TrackItem): void {
    const { name, content } = item;
    this.#forget(name);
    this.#store.digest.add(hashItem(API_KEY_KIND, name, content));
    const written = this.#store.write(item, 0);
    if (typeof written === 'number') this.#store.activate(written);
    else this.#hold(item, written);
  }

  remove(name: string): void {
    this.#forget(name);
    this.#store.deactivate(name);
  }

  /** An older version that is active while the latest cannot be built. */
  putLastGood(item: TrackItem): void {
    if (!this.#store.held.has(item.name)) return;
    const written = this.#store.write(item, 0);
    if (typeof written === 'number') this.#store.activate(written);
  }

  /** Nothing comes after. */
  done(): void {
    this.#store.heap.reclaim(this.#store.heap.retired);
  }

  clear(): void {
    this.#store.clear();
  }

  #forget(name: string): void {
    const before = this.#store.latestHash(name);
    if (before !== undefined) this.#store.digest.remove(before);
    this.#store.release(name);
  }

  #hold({ name, content }: TrackItem, reason: string): void {
    this.#store.hold(name, { item: { kind: API_KEY_KIND, name, content: Buffer.from(content) }, reason });
  }
}
