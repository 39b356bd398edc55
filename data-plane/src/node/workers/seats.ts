import type { LiveWorker } from './live-worker.ts';

/** Who has which seat, a column in shared memory: a worker that lives, one that waits for its start, or nobody. */
export class Seats {
  readonly numbers: readonly number[];
  readonly #live = new Map<number, LiveWorker>();
  readonly #reserved = new Set<number>();

  constructor(count: number) {
    this.numbers = Array.from({ length: count }, (_, seat) => seat);
  }

  /** Those that have not ended, as they are now. */
  workers(): LiveWorker[] {
    return [...this.#live.values()];
  }

  /** Those that a change is built in before it is active. */
  counted(): LiveWorker[] {
    return this.workers().filter(({ counts }) => counts);
  }

  at(seat: number): LiveWorker | undefined {
    return this.#live.get(seat);
  }

  /** One that nobody has or waits for. */
  free(): number | undefined {
    return this.numbers.find((seat) => !this.#live.has(seat) && !this.#reserved.has(seat));
  }

  /** Its next worker waits for its start. */
  reserve(seat: number): void {
    this.#reserved.add(seat);
  }

  take(worker: LiveWorker): void {
    this.#reserved.delete(worker.seat);
    this.#live.set(worker.seat, worker);
  }

  leave(worker: LiveWorker): void {
    this.#live.delete(worker.seat);
  }
}
