import type { Clock } from './clock.ts';
import type { SharedRegion } from './region.ts';

/** Times are kept in these, so that they last for years. */
const UNIT_MS = 100;

/** Health of endpoints, by endpoint slot: written by the main thread, read by workers. Unknown counts as healthy. */
export class EndpointHealth {
  readonly #unhealthy: Int32Array<SharedArrayBuffer>;
  /** Index of the count of changes. */
  readonly #changes: number;
  readonly #since: Int32Array<SharedArrayBuffer>;
  readonly #clock: Clock;

  constructor(region: SharedRegion, clock: Clock) {
    this.#unhealthy = new Int32Array(region.columns.endpointHealth);
    this.#changes = region.slots.endpoints;
    this.#since = new Int32Array(region.columns.endpointSince);
    this.#clock = clock;
  }

  /**
   * How often any endpoint changed its health, was ejected or came, wrapping: what is worked out from that holds until this is another
   * number.
   */
  changes(): number {
    return Atomics.load(this.#unhealthy, this.#changes);
  }

  /** Something changed that is worked out with health. */
  noteChange(): void {
    Atomics.add(this.#unhealthy, this.#changes, 1);
  }

  isHealthy(slot: number): boolean {
    return Atomics.load(this.#unhealthy, slot) === 0;
  }

  setHealthy(slot: number, healthy: boolean): void {
    const unhealthy = healthy ? 0 : 1;
    if (Atomics.exchange(this.#unhealthy, slot, unhealthy) === unhealthy) return;
    if (healthy) this.arrived(slot);
    else this.noteChange();
  }

  /** The endpoint is in service from now on. */
  arrived(slot: number): void {
    Atomics.store(this.#since, slot, Math.max(1, Math.floor(this.#clock.nowMs() / UNIT_MS)));
    this.noteChange();
  }

  /** Since when the endpoint is in service, on the shared clock; 0: since its service is. */
  sinceMs(slot: number): number {
    return Atomics.load(this.#since, slot) * UNIT_MS;
  }
}
