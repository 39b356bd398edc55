import type { TrackItem } from './track-state.ts';

/** What became of one item, between two neighbouring revisions or from one to a later one. */
export interface ItemChange<Item extends TrackItem = TrackItem> {
  readonly kind: string;
  readonly name: string;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/**
 * Several revisions' changes as one: each item once, with its first `before` and its last `after`; those that came back to what they were
 * are left out.
 */
export function mergeChanges<Item extends TrackItem>(
  revisions: Iterable<readonly ItemChange<Item>[]>,
): ItemChange<Item>[] {
  const merged = new Map<string, ItemChange<Item>>();
  for (const changes of revisions) {
    for (const change of changes) {
      const key = `${change.kind}/${change.name}`;
      const earlier = merged.get(key);
      merged.set(key, earlier === undefined ? change : { ...change, before: earlier.before });
    }
  }
  return [...merged.values()].filter(({ before, after }) => !sameHash(before, after));
}

function sameHash(a: TrackItem | undefined, b: TrackItem | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a.hash, b.hash) === 0;
}
