/**
 * A circuit breaker's state as one Int32, so that one compare-and-swap is one transition:
 * bits 0-1 state, bits 2-11 count (failures in a row when closed, successes when half-open), bits 12-31 generation.
 * The generation moves with every change of state; a result of another generation changes nothing. Zero is a fresh closed breaker. Costs a
 * read of the word before and after each try, a compare-and-swap where that changes it, and with `errorRate` two atomic counts and the sum
 * of ten for each worker.
 */
export const CLOSED = 0;
export const HALF_OPEN = 1;
export const OPEN = 2;
export type BreakerState = typeof CLOSED | typeof HALF_OPEN | typeof OPEN;

export const breakerStateNames = ['closed', 'half-open', 'open'] as const;

/** The largest `consecutiveFailures` the word can count. */
export const MAX_CONSECUTIVE_FAILURES = 1000;
/** The largest `halfOpenRequests`. */
export const MAX_HALF_OPEN_REQUESTS = 32;

export interface BreakerPolicy {
  /** Failures in a row that open it; 0: not counted. At most MAX_CONSECUTIVE_FAILURES. */
  readonly consecutiveFailures: number;
  /** Share of failed requests that opens it; unset: not counted. */
  readonly errorRate?: ErrorRatePolicy;
  /** How long it stays open before it lets probes through. */
  readonly openForMs: number;
  /** The most probes in flight and the successes needed to close. At most MAX_HALF_OPEN_REQUESTS. */
  readonly halfOpenRequests: number;
}

export interface ErrorRatePolicy {
  readonly percent: number;
  readonly windowMs: number;
  /** Fewer requests in the window than this decide nothing. */
  readonly minimumRequests: number;
}

/** `circuitBreaker: {}`. */
export const defaultBreakerPolicy: BreakerPolicy = { consecutiveFailures: 5, openForMs: 30_000, halfOpenRequests: 3 };

export function breakerState(word: number): BreakerState {
  return (word & 3) as BreakerState;
}

export function breakerCount(word: number): number {
  return (word >>> 2) & 0x3ff;
}

/** 0..2^20-1, wrapping. */
export function breakerGeneration(word: number): number {
  return word >>> 12;
}

/** The word after a success counted in its own generation. An open breaker stays as it is. */
export function afterSuccess(word: number, policy: BreakerPolicy): number {
  switch (breakerState(word)) {
    case CLOSED:
      return word & ~(0x3ff << 2);
    case HALF_OPEN: {
      const successes = breakerCount(word) + 1;
      return successes >= policy.halfOpenRequests ? entered(word, CLOSED) : (word & ~(0x3ff << 2)) | (successes << 2);
    }
    case OPEN:
      return word;
  }
}

/** The word after a failure counted in its own generation: one more in a row, or open. One failure reopens a half-open breaker. */
export function afterFailure(word: number, policy: BreakerPolicy): number {
  switch (breakerState(word)) {
    case CLOSED: {
      if (policy.consecutiveFailures === 0) return word;
      const failures = breakerCount(word) + 1;
      return failures >= policy.consecutiveFailures ? entered(word, OPEN) : (word & ~(0x3ff << 2)) | (failures << 2);
    }
    case HALF_OPEN:
      return entered(word, OPEN);
    case OPEN:
      return word;
  }
}

/** The word in `state` with the next generation and nothing counted. */
export function entered(word: number, state: BreakerState): number {
  return ((breakerGeneration(word) + 1) << 12) | state;
}

/** Whether the failures of a window open a closed breaker. */
export function errorRateTrips(requests: number, failures: number, policy: ErrorRatePolicy): boolean {
  return requests >= policy.minimumRequests && failures * 100 >= policy.percent * requests;
}
