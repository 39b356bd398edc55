import type { TrackItem } from '@sluice/engine';
import { API_KEY_KIND, SEGMENTS } from './key-memory.ts';
import type { HeldKey, KeyStore } from './key-store.ts';

/** The keys as they were at one moment: four bytes for each, while the store goes on. To be given back by {@link release}. */
export class PinnedKeys {
  readonly #store: KeyStore;
  readonly #units: readonly Uint32Array[];
  readonly #held: ReadonlyMap<string, HeldKey>;
  #released = false;

  constructor(store: KeyStore) {
    this.#store = store;
    store.heap.pin();
    this.#units = Array.from({ length: SEGMENTS }, (_, segment) => store.unitsOf(segment));
    this.#held = new Map(store.held);
  }

  /** The latest version of each. */
  *latest(): Generator<TrackItem> {
    const { memory } = this.#store;
    for (const units of this.#units) {
      for (const unit of units) {
        const name = memory.nameOf(unit);
        if (!this.#held.has(name)) yield { kind: API_KEY_KIND, name, content: memory.contentOf(unit) };
      }
    }
    for (const { item } of this.#held.values()) yield item;
  }

  release(): void {
    if (!this.#released) this.#store.heap.unpin();
    this.#released = true;
  }
}
