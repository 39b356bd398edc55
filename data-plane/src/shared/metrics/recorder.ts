import type { SharedRegion } from '../region.ts';
import {
  DURATION_BOUNDS,
  HISTOGRAM_CELLS,
  HISTOGRAM_COUNT,
  HISTOGRAM_ENTRY,
  HISTOGRAMS,
  OVERFLOW_SERIES,
  type OverflowKind,
  overflowKinds,
  SERIES,
  SERIES_COUNT,
  SERIES_ENTRY,
  SUM_CELL,
  viewArena,
} from './arena-layout.ts';
import {
  AUTH_FAILURES,
  type AuthFailureReason,
  authFailureReasons,
  CACHE_REQUESTS,
  type CacheResult,
  CONFIG_APPLY,
  cacheResults,
  DRY_RUN_REFUSALS,
  type DryRunField,
  dryRunFields,
  EJECTIONS,
  FALLBACKS,
  type FallbackKind,
  fallbackKinds,
  MIRRORED,
  type MirrorResult,
  mirrorResults,
  RATE_LIMITED,
  REQUEST_DURATION,
  REQUESTS,
  RETRIES,
  TUNNEL_BYTES,
  TUNNELS,
  type TunnelDirection,
  type TunnelEnding,
  tunnelDirections,
  tunnelEndings,
  UPSTREAM_DURATION,
} from './families.ts';

/**
 * One writer's counters and histograms. Finding a series costs a map lookup: keep its index in the plan of the route or service
 * and count with `add` and `observe`, which are array stores. Indexes stay valid for the life of the thread.
 */
export class MetricsRecorder {
  readonly #arena;
  readonly #values: Float64Array<SharedArrayBuffer>;
  readonly #histograms: Float64Array<SharedArrayBuffer>;
  readonly #series = new Map<string, number>();
  readonly #histogramIndexes = new Map<string, number>();

  /** Goes on with what an earlier thread of the same writer counted. */
  constructor(region: SharedRegion, writer: number) {
    const arena = viewArena(region.arenas[writer]!);
    this.#arena = arena;
    this.#values = arena.seriesValues;
    this.#histograms = arena.histogramValues;
    for (let index = 1; index <= arena.header[SERIES_COUNT]!; index++) {
      const entry = arena.seriesDirectory.subarray(index * SERIES_ENTRY, (index + 1) * SERIES_ENTRY);
      this.#series.set(entry.join(), index);
    }
    for (let index = 1; index <= arena.header[HISTOGRAM_COUNT]!; index++) {
      const entry = arena.histogramDirectory.subarray(index * HISTOGRAM_ENTRY, (index + 1) * HISTOGRAM_ENTRY);
      this.#histogramIndexes.set(entry.join(), index);
    }
  }

  /** Counts one more of a series. */
  add(series: number): void {
    this.#values[series]! += 1;
    if (series === OVERFLOW_SERIES) this.overflow('series');
  }

  /** Counts `amount` more of a series. */
  addMany(series: number, amount: number): void {
    this.#values[series]! += amount;
    if (series === OVERFLOW_SERIES) this.overflow('series');
  }

  /** Books one duration. */
  observe(histogram: number, seconds: number): void {
    let bucket = 0;
    while (bucket < DURATION_BOUNDS.length && seconds > DURATION_BOUNDS[bucket]!) bucket++;
    const at = histogram * HISTOGRAM_CELLS;
    this.#histograms[at + bucket]! += 1;
    this.#histograms[at + SUM_CELL]! += seconds;
    if (histogram === OVERFLOW_SERIES) this.overflow('histograms');
  }

  /** Something found no room: it went to the place shared by all of its kind, or nowhere. */
  overflow(what: OverflowKind, count = 1): void {
    this.#arena.overflow[overflowKinds.indexOf(what)]! += count;
  }

  /** `method` is a code of `methodCode`. */
  requests(route: number, service: number, method: number, status: number): number {
    return this.#find(REQUESTS, route, service, (method << 16) | status);
  }

  rateLimited(route: number, limit: number): number {
    return this.#find(RATE_LIMITED, route, limit, 0);
  }

  authFailures(route: number, reason: AuthFailureReason): number {
    return this.#find(AUTH_FAILURES, route, authFailureReasons.indexOf(reason), 0);
  }

  retries(service: number): number {
    return this.#find(RETRIES, service, 0, 0);
  }

  fallbacks(service: number, kind: FallbackKind): number {
    return this.#find(FALLBACKS, service, fallbackKinds.indexOf(kind), 0);
  }

  ejections(service: number): number {
    return this.#find(EJECTIONS, service, 0, 0);
  }

  mirrored(service: number, result: MirrorResult): number {
    return this.#find(MIRRORED, service, mirrorResults.indexOf(result), 0);
  }

  dryRunRefusals(route: number, policy: number, field: DryRunField): number {
    return this.#find(DRY_RUN_REFUSALS, route, policy, dryRunFields.indexOf(field));
  }

  cacheRequests(route: number, result: CacheResult): number {
    return this.#find(CACHE_REQUESTS, route, cacheResults.indexOf(result), 0);
  }

  tunnels(route: number, ending: TunnelEnding): number {
    return this.#find(TUNNELS, route, tunnelEndings.indexOf(ending), 0);
  }

  tunnelBytes(route: number, direction: TunnelDirection): number {
    return this.#find(TUNNEL_BYTES, route, tunnelDirections.indexOf(direction), 0);
  }

  requestDuration(route: number): number {
    return this.#findHistogram(REQUEST_DURATION, route);
  }

  upstreamDuration(service: number): number {
    return this.#findHistogram(UPSTREAM_DURATION, service);
  }

  configApply(): number {
    return this.#findHistogram(CONFIG_APPLY, 0);
  }

  #find(family: number, a: number, b: number, c: number): number {
    const name = `${family},${a},${b},${c}`;
    const known = this.#series.get(name);
    if (known !== undefined) return known;
    const { header, seriesDirectory } = this.#arena;
    const index = header[SERIES_COUNT]! + 1;
    if (index >= SERIES) return OVERFLOW_SERIES;
    seriesDirectory.set([family, a, b, c], index * SERIES_ENTRY);
    Atomics.store(header, SERIES_COUNT, index);
    this.#series.set(name, index);
    return index;
  }

  #findHistogram(family: number, slot: number): number {
    const name = `${family},${slot}`;
    const known = this.#histogramIndexes.get(name);
    if (known !== undefined) return known;
    const { header, histogramDirectory } = this.#arena;
    const index = header[HISTOGRAM_COUNT]! + 1;
    if (index >= HISTOGRAMS) return OVERFLOW_SERIES;
    histogramDirectory.set([family, slot], index * HISTOGRAM_ENTRY);
    Atomics.store(header, HISTOGRAM_COUNT, index);
    this.#histogramIndexes.set(name, index);
    return index;
  }
}

/**
 * The request counters of one route, found by service, method and status. Kept in the route's plan: most requests end like the one
 * before.
 */
export class RouteRequests {
  readonly #recorder: MetricsRecorder;
  readonly #route: number;
  /** All but the first, where there are more. */
  #known: Map<number, number> | undefined = undefined;
  #lastKey = -1;
  #lastSeries = 0;

  constructor(recorder: MetricsRecorder, route: number) {
    this.#recorder = recorder;
    this.#route = route;
  }

  /** One request answered. `method` is a code of `methodCode`. */
  count(service: number, method: number, status: number): void {
    const key = service * 16_384 + ((method << 10) | (status & 0x3ff));
    if (key !== this.#lastKey) {
      let series = this.#known?.get(key);
      if (series === undefined) {
        series = this.#recorder.requests(this.#route, service, method, status & 0x3ff);
        if (this.#lastKey >= 0) {
          this.#known ??= new Map([[this.#lastKey, this.#lastSeries]]);
          this.#known.set(key, series);
        }
      }
      this.#lastKey = key;
      this.#lastSeries = series;
    }
    this.#recorder.add(this.#lastSeries);
  }
}
