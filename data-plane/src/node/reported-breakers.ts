import { CLOSED, HALF_OPEN } from '@sluice/engine';
import { BreakerState } from '@sluice/proto';

/** How a service's breaker stands. */
export interface ServiceBreaker {
  readonly service: string;
  /** A state of the engine's breakers. */
  readonly state: number;
  readonly count: number;
}

/**
 * Breakers in one Status. With names of 63 characters it stays under 160 KiB of the 1 MiB that a message may have, and a status goes
 * out each heartbeat.
 */
export const MAX_REPORTED_BREAKERS = 2000;

/** Those that are not closed or have counted first, then others, each in the order given, as many as a report takes. */
export function selectBreakers(
  breakers: Iterable<ServiceBreaker>,
  most: number = MAX_REPORTED_BREAKERS,
): readonly ServiceBreaker[] {
  const busy: ServiceBreaker[] = [];
  const idle: ServiceBreaker[] = [];
  for (const breaker of breakers) {
    if (breaker.state !== CLOSED || breaker.count > 0) {
      busy.push(breaker);
      if (busy.length === most) break;
    } else if (idle.length < most) idle.push(breaker);
  }
  return [...busy, ...idle.slice(0, most - busy.length)];
}

/** A state of the engine's breakers on the wire. */
export function wireState(state: number): BreakerState {
  if (state === CLOSED) return BreakerState.CLOSED;
  return state === HALF_OPEN ? BreakerState.HALF_OPEN : BreakerState.OPEN;
}
