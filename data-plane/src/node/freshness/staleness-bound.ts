import type { Log } from '@sluice/engine';
import type { Clock, Control } from '../../shared/index.ts';
import type { Freshness } from './freshness.ts';

/** At most, and a tenth of the bound at most. */
const LOOK_EVERY_MS = 1_000;

type Stage = 'fresh' | 'ageing' | 'stale';

/**
 * Lets workers believe credentials only so long after what the node has was confirmed. They go by a time in shared memory, so they stop
 * by themselves, also where the main thread hangs. Says so in the log when half of the time is over, when all of it is, and when it is
 * confirmed again.
 */
export class StalenessBound {
  readonly maxMs: number | undefined;
  readonly #freshness: Freshness;
  readonly #control: Control;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: NodeJS.Timeout | undefined;
  #stage: Stage = 'fresh';

  /** @param maxMs undefined: for any time */
  constructor(
    maxMs: number | undefined,
    from: { readonly freshness: Freshness; readonly control: Control; readonly clock: Clock; readonly log: Log },
  ) {
    this.maxMs = maxMs;
    this.#freshness = from.freshness;
    this.#control = from.control;
    this.#clock = from.clock;
    this.#log = from.log;
    if (maxMs === undefined) return;
    this.look();
    // A machine that was suspended: the clock of the workers stood still.
    this.#timer = setInterval(() => this.look(), Math.min(LOOK_EVERY_MS, maxMs / 10));
    this.#timer.unref();
  }

  /** Workers take nobody for who he says he is. */
  get refuses(): boolean {
    return this.maxMs !== undefined && this.#freshness.ageMs >= this.maxMs;
  }

  /** To be called when it was confirmed; it looks by itself now and then. */
  look(): void {
    const { maxMs } = this;
    if (maxMs === undefined) return;
    const { ageMs } = this.#freshness;
    this.#control.believeCallersUntil(this.#clock.nowUs() + (maxMs - ageMs) * 1000);
    const stage: Stage = ageMs >= maxMs ? 'stale' : ageMs * 2 >= maxMs ? 'ageing' : 'fresh';
    if (stage === this.#stage) return;
    this.#tell(stage, { ageSeconds: Math.round(ageMs / 1000), maxSeconds: maxMs / 1000 });
    this.#stage = stage;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tell(stage: Stage, fields: Readonly<Record<string, number>>): void {
    switch (stage) {
      case 'fresh':
        this.#log.info('confirmed by the control plane again, credentials are believed', fields);
        return;
      case 'ageing':
        this.#log.warn('not confirmed by the control plane for half of --max-staleness', fields);
        return;
      case 'stale':
        this.#log.error('not confirmed by the control plane for --max-staleness, credentials are refused', fields);
        return;
      default:
        stage satisfies never;
    }
  }
}
