import { BreakerState } from '@sluice/proto';

/** How a circuit breaker stands, in a word. */
export function breakerStateName(state: BreakerState): string {
  switch (state) {
    case BreakerState.CLOSED:
      return 'closed';
    case BreakerState.HALF_OPEN:
      return 'half-open';
    case BreakerState.OPEN:
      return 'open';
    default:
      return 'unknown';
  }
}
