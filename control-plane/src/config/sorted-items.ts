import type { CurrentItem, Track } from '../state/track.ts';

interface SortedItems {
  readonly revision: number;
  readonly byKind: ReadonlyMap<string, readonly CurrentItem[]>;
}

const known = new WeakMap<Track, SortedItems>();

/** The items of a kind by name, after a name. Sorted once per revision, when first asked for. */
export function itemsAfter(track: Track, kind: string, afterName: string): readonly CurrentItem[] {
  const items = sortItems(track).byKind.get(kind) ?? [];
  if (afterName === '') return items;
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.name <= afterName) low = middle + 1;
    else high = middle;
  }
  return items.slice(low);
}

function sortItems(track: Track): SortedItems {
  const last = known.get(track);
  if (last?.revision === track.revision) return last;
  const byKind = Map.groupBy(track.items(), (item) => item.kind);
  for (const items of byKind.values()) items.sort((a, b) => (a.name < b.name ? -1 : 1));
  const sorted = { revision: track.revision, byKind };
  known.set(track, sorted);
  return sorted;
}
