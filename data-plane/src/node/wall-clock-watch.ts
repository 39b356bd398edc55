import type { Log } from '@sluice/engine';

const EVERY_MS = 1_000;
/** Beyond what a clock is slewed by, and what two readings one after the other can be apart. */
const STEP_MS = 2_000;

/**
 * Finds steps of the wall clock, by which tokens and keys begin and end; all that lasts goes by the monotonic clock, and does not see
 * them. A machine that was suspended shows as a step too: its monotonic clock stood still.
 */
export class WallClockWatch {
  /** Steps so far. */
  steps = 0;
  #aheadMs: number;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param clocks unset: nobody looks but `look` */
  constructor(
    wallMs: number,
    monotonicMs: number,
    log: Log,
    clocks?: () => readonly [wallMs: number, monotonicMs: number],
  ) {
    this.#aheadMs = wallMs - monotonicMs;
    this.#log = log;
    this.#timer = clocks && setInterval(() => this.look(...clocks()), EVERY_MS);
    this.#timer?.unref();
  }

  look(wallMs: number, monotonicMs: number): void {
    const aheadMs = wallMs - monotonicMs;
    const stepMs = aheadMs - this.#aheadMs;
    this.#aheadMs = aheadMs;
    if (Math.abs(stepMs) < STEP_MS) return;
    this.steps++;
    this.#log.warn('the wall clock was stepped: tokens and keys begin and end by it', {
      stepSeconds: Math.round(stepMs / 1000),
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
