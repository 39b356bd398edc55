import {
  afterFailure,
  afterSuccess,
  type BreakerPolicy,
  type BreakerState,
  breakerCount,
  breakerGeneration,
  breakerState,
  CLOSED,
  entered,
  HALF_OPEN,
  OPEN,
} from '@sluice/engine';
import { ErrorWindows } from './error-windows.ts';
import { Permits } from './permits.ts';
import { columnBytes, OVERFLOW_SLOT, type SharedRegion } from './region.ts';

/** `admit` refused: the breaker is open, or half-open with all its probes in flight. Other tokens are not negative. */
export const REFUSED = -1;

/** How a try ended, to its breaker. Aborted (by the client) counts as nothing and gives the permit back. */
export const SUCCESS = 0;
export const FAILURE = 1;
export const ABORTED = 2;
export type TryOutcome = typeof SUCCESS | typeof FAILURE | typeof ABORTED;

/** What a refused half-open probe is told to wait: how long the probes take is not known. */
const PROBE_WAIT_MS = 1000;
const MAX_ATTEMPTS = 10_000;

/** What a report about a breaker shows. */
export interface BreakerView {
  readonly state: BreakerState;
  /** Failures in a row when closed, successes when half-open. */
  readonly count: number;
  /** Milliseconds until an open breaker lets probes through; 0 otherwise. */
  readonly opensInMs: number;
  readonly probesInFlight: number;
}

/**
 * The breakers of all services, shared by all workers: one word each (`breaker.ts` of the engine), the time until which it is open,
 * the permits of its probes. A token holds the generation in which its try began and, half-open, which permit it has.
 */
export class Breakers {
  /** After a refusal: milliseconds until a try may be let through. */
  retryAfterMs = 0;

  readonly permits: Permits;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #until: BigInt64Array<SharedArrayBuffer>;
  readonly #transitions: readonly Float64Array<SharedArrayBuffer>[];
  readonly #ownTransitions: Float64Array<SharedArrayBuffer>;
  readonly #windows: ErrorWindows;
  readonly #float = new Float64Array(1);
  readonly #bits = new BigInt64Array(this.#float.buffer);

  constructor(region: SharedRegion, writer: number) {
    const { services } = region.slots;
    this.#words = new Int32Array(region.breakers.words);
    this.#until = new BigInt64Array(region.breakers.openUntil);
    this.permits = new Permits(region, writer);
    this.#windows = new ErrorWindows(region, writer);
    const stride = columnBytes(services * 3 * 8);
    this.#transitions = Array.from(
      { length: region.writers },
      (_, column) => new Float64Array(region.breakers.transitions, column * stride, services * 3),
    );
    this.#ownTransitions = this.#transitions[writer]!;
  }

  /** A token for one try, to be given to `report` exactly once; or REFUSED. Services that found no slot have no breaker. */
  admit(slot: number, policy: BreakerPolicy, nowMs: number): number {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const word = Atomics.load(this.#words, slot);
      if ((word & 3) === CLOSED) return breakerGeneration(word) << 6;
      if (breakerState(word) === OPEN) {
        const waitMs = this.#untilMs(slot) - nowMs;
        if (waitMs > 0) return this.#refuse(waitMs);
        this.#swap(slot, word, entered(word, HALF_OPEN));
        continue;
      }
      const generation = breakerGeneration(word);
      const permit = this.permits.take(slot, generation, policy.halfOpenRequests);
      if (permit < 0) return this.#refuse(PROBE_WAIT_MS);
      const now = Atomics.load(this.#words, slot);
      if (breakerState(now) === HALF_OPEN && breakerGeneration(now) === generation)
        return (generation << 6) | (permit + 1);
      this.permits.giveBack(slot, generation, permit);
    }
    return this.#refuse(PROBE_WAIT_MS);
  }

  /** Counts how a try ended, unless the breaker changed its state since the try began, and gives its permit back. */
  report(slot: number, token: number, outcome: TryOutcome, policy: BreakerPolicy, nowMs: number): void {
    if (slot === OVERFLOW_SLOT) return;
    const generation = token >>> 6;
    if (outcome === SUCCESS) this.#succeeded(slot, generation, policy, nowMs);
    else if (outcome === FAILURE) this.#failed(slot, generation, policy, nowMs);
    // After the count, so that the probes let in and the successes they bring never add up to more than are needed at once.
    const permit = (token & 63) - 1;
    if (permit >= 0) this.permits.giveBack(slot, generation, permit);
  }

  /** Closes the breaker whatever its state; what is in flight counts for nothing. Returns the state it had. */
  reset(slot: number): BreakerState {
    for (;;) {
      const word = Atomics.load(this.#words, slot);
      if (this.#swap(slot, word, entered(word, CLOSED))) return breakerState(word);
    }
  }

  view(slot: number, nowMs: number): BreakerView {
    const word = Atomics.load(this.#words, slot);
    const state = breakerState(word);
    return {
      state,
      count: breakerCount(word),
      opensInMs: state === OPEN ? Math.max(0, this.#untilMs(slot) - nowMs) : 0,
      probesInFlight: state === HALF_OPEN ? this.permits.held(slot, breakerGeneration(word)) : 0,
    };
  }

  /** How often the breaker of `slot` went to `state`, all workers together. */
  transitionsTo(slot: number, state: BreakerState): number {
    let total = 0;
    for (const column of this.#transitions) total += column[slot * 3 + state]!;
    return total;
  }

  #succeeded(slot: number, generation: number, policy: BreakerPolicy, nowMs: number): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const word = Atomics.load(this.#words, slot);
      if (breakerGeneration(word) !== generation) return;
      if (policy.errorRate !== undefined && attempt === 0 && breakerState(word) === CLOSED) {
        this.#windows.count(slot, generation, false, policy.errorRate.windowMs, nowMs);
        // It may be the one that makes enough requests of them.
        if (this.#windows.trips(slot, generation, policy.errorRate, nowMs)) {
          this.#trip(slot, generation, policy, nowMs);
          return;
        }
      }
      const next = afterSuccess(word, policy);
      if (next === word || this.#swap(slot, word, next)) return;
    }
  }

  #failed(slot: number, generation: number, policy: BreakerPolicy, nowMs: number): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // Before the word: every opening moves this cell, so that a swap from it fails for who was overtaken by an opening.
      const until = Atomics.load(this.#until, slot);
      const word = Atomics.load(this.#words, slot);
      if (breakerGeneration(word) !== generation) return;
      let next = afterFailure(word, policy);
      if (policy.errorRate !== undefined && breakerState(word) === CLOSED) {
        if (attempt === 0) this.#windows.count(slot, generation, true, policy.errorRate.windowMs, nowMs);
        if (this.#windows.trips(slot, generation, policy.errorRate, nowMs)) next = entered(word, OPEN);
      }
      if (next === word) return;
      if (breakerState(next) === OPEN && !this.#keepOpen(slot, until, nowMs + policy.openForMs)) continue;
      if (this.#swap(slot, word, next)) return;
    }
  }

  /** Opens a breaker that is closed still. */
  #trip(slot: number, generation: number, policy: BreakerPolicy, nowMs: number): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const until = Atomics.load(this.#until, slot);
      const word = Atomics.load(this.#words, slot);
      if (breakerGeneration(word) !== generation) return;
      if (!this.#keepOpen(slot, until, nowMs + policy.openForMs)) continue;
      if (this.#swap(slot, word, entered(word, OPEN))) return;
    }
  }

  /** Says until when it is to be open, before it is. False: another opened it since `before` was read. */
  #keepOpen(slot: number, before: bigint, untilMs: number): boolean {
    this.#float[0] = untilMs;
    return Atomics.compareExchange(this.#until, slot, before, this.#bits[0]!) === before;
  }

  /** One transition. Counts it where the state changed. */
  #swap(slot: number, word: number, next: number): boolean {
    if (Atomics.compareExchange(this.#words, slot, word, next) !== word) return false;
    const state = breakerState(next);
    if (state !== breakerState(word)) this.#ownTransitions[slot * 3 + state]!++;
    return true;
  }

  #untilMs(slot: number): number {
    this.#bits[0] = Atomics.load(this.#until, slot);
    return this.#float[0]!;
  }

  #refuse(waitMs: number): typeof REFUSED {
    this.retryAfterMs = Math.max(1, Math.ceil(waitMs));
    return REFUSED;
  }
}
