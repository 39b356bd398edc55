import { type ErrorRatePolicy, errorRateTrips } from '@sluice/engine';
import { type SharedRegion, WINDOW_BUCKETS } from './region.ts';
import { RollingColumns } from './rolling-columns.ts';

/** Requests and failures of closed breakers over their error-rate windows. Counts belong to one generation of the breaker. */
export class ErrorWindows {
  readonly #counts: RollingColumns;

  constructor(region: SharedRegion, writer: number) {
    this.#counts = new RollingColumns(region.breakers.windows, region.writers, writer, region.slots.services);
  }

  count(slot: number, generation: number, failed: boolean, windowMs: number, nowMs: number): void {
    this.#counts.add(slot, epochAt(nowMs, windowMs), generation, 1, failed ? 1 : 0);
  }

  trips(slot: number, generation: number, policy: ErrorRatePolicy, nowMs: number): boolean {
    this.#counts.sum(slot, epochAt(nowMs, policy.windowMs), generation);
    return errorRateTrips(this.#counts.first, this.#counts.second, policy);
  }
}

function epochAt(nowMs: number, windowMs: number): number {
  return Math.floor((nowMs * WINDOW_BUCKETS) / windowMs);
}
