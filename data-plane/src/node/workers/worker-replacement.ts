import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '@sluice/engine';
import type { LiveWorker } from './live-worker.ts';
import type { Seats } from './seats.ts';

export interface ReplacementOptions {
  readonly seats: Seats;
  /** A successor can listen beside its predecessor. Else it comes when that has ended. */
  readonly reusePort: boolean;
  readonly log: Log;
  /** Nothing is replaced any longer. */
  readonly isEnding: () => boolean;
  /** Starts a worker that takes another's place once it listens. False: it cannot be started now. */
  readonly spawn: (seat: number, predecessor: LiveWorker) => boolean;
}

/** How often it is looked whether there is a seat and a thread for the next worker that is to be replaced: of threads nobody is told. */
const SEAT_POLL_MS = 50;

/** Has workers leave for others: with their successors beside them where there is a seat, so that they finish what they have. */
export class WorkerReplacement {
  readonly #options: ReplacementOptions;
  #all: Promise<void> | undefined;

  constructor(options: ReplacementOptions) {
    this.#options = options;
  }

  /** Replaces all workers, one after the other: each leaves when its successor listens. Resolves when all have left. */
  all(): Promise<void> {
    this.#all ??= this.#inTurn().finally(() => {
      this.#all = undefined;
    });
    return this.#all;
  }

  /** Those it has a seat for finish what they have; for others the change is not held up. */
  late(generation: number): void {
    for (const worker of this.#options.seats.counted()) {
      if (worker.generation >= generation) continue;
      const serves = worker.phase === 'serving';
      const finishes = serves && this.#begin(worker);
      this.#options.log.error('worker did not build a change in time, replacing it', {
        worker: worker.seat,
        generation,
        finishes,
      });
      worker.late = true;
      if (!finishes) void worker.terminate();
    }
  }

  async #inTurn(): Promise<void> {
    const { seats, reusePort, isEnding } = this.#options;
    for (const worker of seats.counted()) {
      if (!reusePort) void worker.terminate();
      else while (!isEnding() && seats.at(worker.seat) === worker && !this.#begin(worker)) await delay(SEAT_POLL_MS);
      await worker.ended.promise;
    }
  }

  /** Starts a worker's successor where there is a seat for it. */
  #begin(worker: LiveWorker): boolean {
    if (worker.successor !== undefined) return true;
    const { seats, reusePort, log, spawn } = this.#options;
    const seat = seats.free();
    if (seat === undefined || !reusePort) return false;
    log.info('replacing worker', { worker: worker.seat, by: seat });
    return spawn(seat, worker);
  }
}
