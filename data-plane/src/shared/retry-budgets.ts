import { RETRY_WINDOW_SECONDS, retryAllowance } from '@sluice/engine';
import type { SharedRegion } from './region.ts';
import { RollingColumns } from './rolling-columns.ts';

const BUCKET_MS = RETRY_WINDOW_SECONDS * 100;

/** What each service may spend on retries: a share of the node's requests of the last ten seconds. */
export class RetryBudgets {
  readonly #counts: RollingColumns;

  constructor(region: SharedRegion, writer: number) {
    this.#counts = new RollingColumns(region.retryBudgets, region.writers, writer, region.slots.services);
  }

  /** A request (its first try) went to the service. */
  countRequest(slot: number, nowMs: number): void {
    this.#counts.add(slot, Math.floor(nowMs / BUCKET_MS), 0, 1, 0);
  }

  /**
   * Takes one retry from the budget, or says no. The retry is booked before the workers' books are added up, so two workers that
   * ask for the last one may both be told no, but never both yes.
   */
  tryRetry(slot: number, budgetPercent: number, nowMs: number): boolean {
    const epoch = Math.floor(nowMs / BUCKET_MS);
    this.#counts.add(slot, epoch, 0, 0, 1);
    this.#counts.sum(slot, epoch, 0);
    if (this.#counts.second <= retryAllowance(this.#counts.first, budgetPercent)) return true;
    this.#counts.add(slot, epoch, 0, 0, -1);
    return false;
  }
}
