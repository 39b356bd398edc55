import type { SlotDirectory } from '../slots.ts';
import { type ArenaViews, HISTOGRAM_COUNT, HISTOGRAM_ENTRY, SERIES_COUNT, SERIES_ENTRY } from './arena-layout.ts';
import { counterFamilies, type FamilyDescription, histogramFamilies } from './families.ts';
import { formatLabels } from './text.ts';

/** One series of the node: where each writer counts it. */
export interface SeriesRow {
  readonly keys: ArrayLike<number>;
  /** By writer: index in its arena, undefined where it has none. */
  readonly at: (number | undefined)[];
  /** Its labels as text. */
  labels: string;
}

export interface SeriesIndex {
  /** Takes in what writers added to their directories since the last call, pausing between portions. */
  refresh(): Generator<void, void, undefined>;
  /** Series of a counter family whose resources are all in use. */
  series(family: number): Iterable<SeriesRow>;
  histograms(family: number): Iterable<SeriesRow>;
}

/** Entries read between two pauses. */
const PORTION = 2000;

/** Merges the writers' directories. Directories only grow, so each entry is read once. */
export function createSeriesIndex(arenas: readonly ArenaViews[], directory: SlotDirectory): SeriesIndex {
  const counters = mergedFamilies(counterFamilies, directory);
  const histograms = mergedFamilies(histogramFamilies, directory);
  const tables = arenas.flatMap(({ header, seriesDirectory, histogramDirectory }, writer) => [
    { writer, header, count: SERIES_COUNT, entries: seriesDirectory, size: SERIES_ENTRY, families: counters, seen: 0 },
    {
      writer,
      header,
      count: HISTOGRAM_COUNT,
      entries: histogramDirectory,
      size: HISTOGRAM_ENTRY,
      families: histograms,
      seen: 0,
    },
  ]);
  return {
    *refresh() {
      for (const table of tables) {
        while (table.seen < Atomics.load(table.header, table.count)) {
          const index = ++table.seen;
          const at = index * table.size;
          const keys = table.entries.slice(at + 1, at + table.size);
          table.families[table.entries[at]!]!.add(keys, table.writer, index);
          if (index % PORTION === 0) yield;
        }
      }
    },
    series: (family) => counters[family]!.inUse(),
    histograms: (family) => histograms[family]!.inUse(),
  };
}

interface MergedFamily {
  add(keys: Int32Array, writer: number, index: number): void;
  inUse(): Iterable<SeriesRow>;
}

function mergedFamilies(families: readonly FamilyDescription[], directory: SlotDirectory): MergedFamily[] {
  return families.map((family) => {
    const rows = new Map<string, SeriesRow>();
    return {
      add(keys, writer, index) {
        const name = keys.join();
        let row = rows.get(name);
        if (row === undefined) {
          row = { keys, at: [], labels: '' };
          rows.set(name, row);
        }
        row.at[writer] = index;
      },
      *inUse() {
        for (const row of rows.values()) if (nameRow(row, family, directory)) yield row;
      },
    };
  });
}

/** Makes the labels of a row once (a slot has one name for ever). False while one of its resources is not in use. */
function nameRow(row: SeriesRow, family: FamilyDescription, directory: SlotDirectory): boolean {
  for (const { from, key } of family.labels) {
    if ('slot' in from && directory[from.slot].nameOf(row.keys[key]!) === undefined) return false;
  }
  if (row.labels === '') {
    row.labels = formatLabels(
      family.labels.map(({ name, key, from }) => {
        const number = row.keys[key]!;
        return [name, 'slot' in from ? directory[from.slot].nameOf(number)! : from.text(number)] as const;
      }),
    );
  }
  return true;
}
