import { type BreakerState, breakerStateNames, CLOSED, type Log, OPEN, type ServicePlan } from '@sluice/engine';
import type { Breakers, Clock } from '../shared/index.ts';

/** A breaker's state is told this long after it changed at most; of what comes and goes in between, that it opened. */
const LOOK_MS = 500;

interface KnownBreaker {
  readonly slot: number;
  state: BreakerState;
  /** How often it has opened. */
  opened: number;
  /** When it was found to be in this state, in milliseconds of the wall clock. Undefined: it always was. */
  sinceMs: number | undefined;
}

/** Finds out when breakers change, for the log and for who is to be told: workers change them, in shared memory alone. */
export class BreakerWatch {
  readonly #breakers: Breakers;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: () => void;
  readonly #timer: NodeJS.Timeout;
  /** By service. */
  readonly #known = new Map<string, KnownBreaker>();

  constructor(shared: { readonly breakers: Breakers; readonly clock: Clock }, log: Log, onChange: () => void) {
    this.#breakers = shared.breakers;
    this.#clock = shared.clock;
    this.#log = log;
    this.#onChange = onChange;
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** A service is active, or changed. */
  put({ name, slot, breaker }: Pick<ServicePlan, 'name' | 'slot' | 'breaker'>): void {
    if (breaker === undefined) this.#known.delete(name);
    else if (!this.#known.has(name)) {
      // What it was before it was left out is no change.
      const { state } = this.#breakers.view(slot, this.#clock.nowMs());
      this.#known.set(name, { slot, state, opened: this.#breakers.transitionsTo(slot, OPEN), sinceMs: undefined });
    }
  }

  /** A service is active no more. */
  remove(name: string): void {
    this.#known.delete(name);
  }

  /** Since when the service's breaker stands as it does, in milliseconds of the wall clock. Undefined: always. */
  sinceMs(name: string): number | undefined {
    return this.#known.get(name)?.sinceMs;
  }

  look(): void {
    const nowMs = this.#clock.nowMs();
    let changed = false;
    for (const [service, known] of this.#known) {
      const { state } = this.#breakers.view(known.slot, nowMs);
      const opened = this.#breakers.transitionsTo(known.slot, OPEN);
      if (state === known.state && opened === known.opened) continue;
      if (opened !== known.opened) this.#log.warn('circuit breaker opened', { service });
      if (state === CLOSED) this.#log.info('circuit breaker closed', { service });
      else if (state !== OPEN) this.#log.info(`circuit breaker is ${breakerStateNames[state]}`, { service });
      known.state = state;
      known.opened = opened;
      known.sinceMs = Date.now();
      changed = true;
    }
    if (changed) this.#onChange();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
