import { SetDigest } from '@sluice/engine';
import type { TrackItem } from './track-state.ts';

/**
 * The set digest and the size of what goes to each group, kept up to date item by item. What goes everywhere is counted once, so a group
 * nobody named yet costs nothing and a change costs what its own groups cost.
 */
export class GroupDigests {
  readonly #whole = new Part();
  readonly #everywhere = new Part();
  readonly #byGroup = new Map<string, Part>();

  add(item: TrackItem): void {
    for (const part of this.#partsOf(item)) part.add(item.hash);
  }

  remove(item: TrackItem): void {
    for (const part of this.#partsOf(item)) part.remove(item.hash);
  }

  /** Of every item, whatever its groups. */
  whole(): Uint8Array {
    return this.#whole.digest.bytes();
  }

  /** Of what goes to a group. */
  of(group: string): Uint8Array {
    const own = this.#byGroup.get(group);
    if (own === undefined) return this.#everywhere.digest.bytes();
    const digest = this.#everywhere.digest.clone();
    digest.add(own.digest.bytes());
    return digest.bytes();
  }

  /** How many items go to a group. */
  sizeOf(group: string): number {
    return this.#everywhere.size + (this.#byGroup.get(group)?.size ?? 0);
  }

  *#partsOf({ nodeGroups }: TrackItem): Iterable<Part> {
    yield this.#whole;
    if (nodeGroups.length === 0) yield this.#everywhere;
    for (const group of new Set(nodeGroups)) {
      const part = this.#byGroup.get(group) ?? new Part();
      this.#byGroup.set(group, part);
      yield part;
    }
  }
}

export function goesTo(item: TrackItem, group: string): boolean {
  return item.nodeGroups.length === 0 || item.nodeGroups.includes(group);
}

class Part {
  readonly digest = new SetDigest();
  size = 0;

  add(hash: Uint8Array): void {
    this.digest.add(hash);
    this.size++;
  }

  remove(hash: Uint8Array): void {
    this.digest.remove(hash);
    this.size--;
  }
}
