/** Series a writer can count; the first takes what found no room. */
export const SERIES = 65_536;
/** Histograms a writer can keep; the first takes what found no room. */
export const HISTOGRAMS = 65_536;
/** Where what does not fit is booked. */
export const OVERFLOW_SERIES = 0;

/**
 * Upper bounds of the duration buckets, seconds; one more bucket takes the rest.
 */
export const DURATION_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
/** Float64s of a histogram: a count per bucket, then the sum. */
export const HISTOGRAM_CELLS = DURATION_BOUNDS.length + 2;
export const SUM_CELL = HISTOGRAM_CELLS - 1;

/** Int32s of a directory entry: family, then the keys. */
export const SERIES_ENTRY = 4;
export const HISTOGRAM_ENTRY = 2;

/** What `gateway_overflow_total{what}` counts. */
export const overflowKinds = [
  'limiter_cells',
  'series',
  'histograms',
  'routes',
  'services',
  'endpoints',
  'limits',
  'policies',
  'client_cells',
  'connections',
  'client_connections',
  'pending',
  'lease_cells',
  'lease_waits',
  'concurrent_requests',
  'requests',
  'parked_connections',
  'rehearsed_bodies',
  'access_log',
  'cache_waits',
  'cache_fills',
  'spans',
  'shared_cache_waits',
  'shared_cache_skips',
] as const;
export type OverflowKind = (typeof overflowKinds)[number];

const HEADER_BYTES = 64;
const OVERFLOW_BYTES = 256;
const overflowAt = HEADER_BYTES;
const seriesDirectoryAt = overflowAt + OVERFLOW_BYTES;
const seriesValuesAt = seriesDirectoryAt + SERIES * SERIES_ENTRY * 4;
const histogramDirectoryAt = seriesValuesAt + SERIES * 8;
const histogramValuesAt = histogramDirectoryAt + HISTOGRAMS * HISTOGRAM_ENTRY * 4;

export const ARENA_BYTES = histogramValuesAt + HISTOGRAMS * HISTOGRAM_CELLS * 8;

/** Words of the header. */
export const SERIES_COUNT = 0;
export const HISTOGRAM_COUNT = 1;

/** One writer's arena. Directories only grow; an entry is complete before the count that covers it is stored. */
export interface ArenaViews {
  readonly header: Int32Array<SharedArrayBuffer>;
  readonly overflow: Float64Array<SharedArrayBuffer>;
  readonly seriesDirectory: Int32Array<SharedArrayBuffer>;
  readonly seriesValues: Float64Array<SharedArrayBuffer>;
  readonly histogramDirectory: Int32Array<SharedArrayBuffer>;
  readonly histogramValues: Float64Array<SharedArrayBuffer>;
}

export function viewArena(buffer: SharedArrayBuffer): ArenaViews {
  return {
    header: new Int32Array(buffer, 0, HEADER_BYTES / 4),
    overflow: new Float64Array(buffer, overflowAt, OVERFLOW_BYTES / 8),
    seriesDirectory: new Int32Array(buffer, seriesDirectoryAt, SERIES * SERIES_ENTRY),
    seriesValues: new Float64Array(buffer, seriesValuesAt, SERIES),
    histogramDirectory: new Int32Array(buffer, histogramDirectoryAt, HISTOGRAMS * HISTOGRAM_ENTRY),
    histogramValues: new Float64Array(buffer, histogramValuesAt, HISTOGRAMS * HISTOGRAM_CELLS),
  };
}
