import type { Faults } from '@sluice/proto';
import type { FaultsPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';

/** Costs a header lookup where one is asked for, then a random number for each kind of failure. */
export function buildFaults({ delay, abort, when }: Faults): FaultsPlan {
  return {
    delayMs: durationMs(delay?.for, 0),
    delayPercent: delay === undefined ? 0 : (delay.percent ?? 100),
    abortStatus: abort?.status ?? 0,
    abortPercent: abort === undefined ? 0 : (abort.percent ?? 100),
    header: when?.header.toLowerCase() || undefined,
  };
}
