import type { ItemChange } from './merge-changes.ts';

export interface RingBounds {
  readonly revisions: number;
  readonly changes: number;
}

/** The changes of the last revisions, without a gap, so that most nodes are caught up without asking the database. */
export class ChangeRing<Change extends ItemChange> {
  readonly #bounds: RingBounds;
  /** By revision; in order, since a Map keeps the order of insertion. */
  readonly #entries = new Map<number, readonly Change[]>();
  #changes = 0;

  constructor(bounds: RingBounds) {
    this.#bounds = bounds;
  }

  push(revision: number, changes: readonly Change[]): void {
    if (!this.#entries.has(revision - 1)) this.clear();
    this.#entries.set(revision, changes);
    this.#changes += changes.length;
    for (const [oldest, { length }] of this.#entries) {
      if (this.#entries.size <= this.#bounds.revisions && this.#changes <= this.#bounds.changes) break;
      this.#entries.delete(oldest);
      this.#changes -= length;
    }
  }

  /** What each revision after `from` changed, to the last one. Undefined where the ring does not reach back so far. */
  since(from: number, to: number): (readonly Change[])[] | undefined {
    const found: (readonly Change[])[] = [];
    for (let revision = from + 1; revision <= to; revision++) {
      const changes = this.#entries.get(revision);
      if (changes === undefined) return undefined;
      found.push(changes);
    }
    return found;
  }

  clear(): void {
    this.#entries.clear();
    this.#changes = 0;
  }
}
