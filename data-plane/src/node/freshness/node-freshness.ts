import type { Log } from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';
import type { CachedState } from '../cache/cached-state.ts';
import { type Confirmation, ConfirmationFile } from './confirmation-file.ts';
import { ConfirmationKeeper, restoredAgeMs } from './confirmation-keeper.ts';
import { Freshness } from './freshness.ts';
import { createSteadyClock } from './moment.ts';
import { StalenessBound } from './staleness-bound.ts';

export interface NodeFreshnessOptions {
  readonly cacheDir: string;
  /** Undefined: no bound. */
  readonly maxStalenessMs: number | undefined;
  readonly shared: Shared;
  readonly log: Log;
  /** What is active. */
  readonly active: () => Omit<Confirmation, 'at'>;
}

/** How fresh what a node serves is, what follows from that, and what of it is on disk. */
export class NodeFreshness {
  readonly freshness: Freshness;
  readonly staleness: StalenessBound;
  readonly #file: ConfirmationFile;
  readonly #keeper: ConfirmationKeeper;

  constructor({ cacheDir, maxStalenessMs, shared, log, active }: NodeFreshnessOptions) {
    const steadyMs = createSteadyClock(() => shared.clock.nowMs());
    const freshness = new Freshness(steadyMs, active);
    this.freshness = freshness;
    this.staleness = new StalenessBound(maxStalenessMs, { freshness, ...shared, log });
    this.#file = new ConfirmationFile(cacheDir, log);
    const latest = () => ({ ...active(), ageMs: freshness.ageMs });
    this.#keeper = new ConfirmationKeeper(this.#file, maxStalenessMs, latest, steadyMs);
    freshness.onConfirmed = () => {
      this.staleness.look();
      this.#keeper.confirmed();
    };
    freshness.onDisconnected = () => this.#keeper.flush();
  }

  /** Something was restored, and is about to be active. */
  restored(cached: CachedState): void {
    this.freshness.restored(restoredAgeMs(cached, this.#file.read()));
    this.staleness.look();
  }

  /** The directory is this process's alone from now on: before, nothing is written. */
  write(): void {
    this.#keeper.open();
  }

  /** Writes what is not on disk yet. */
  async close(): Promise<void> {
    this.staleness.close();
    await this.#keeper.close();
  }
}
