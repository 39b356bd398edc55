import type { Faults } from '@sluice/proto';
import type { FaultsPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';

export function buildFaults({ delay, abort, when }: Faults): FaultsPlan {
  return {
    delayMs: durationMs(delay?.for, 0),
    delayPercent: delay === undefined ? 0 : (delay.percent ?? 100),
    abortStatus: abort?.status ?? 0,
    abortPercent: abort === undefined ? 0 : (abort.percent ?? 100),
    header: when?.header.toLowerCase() || undefined,
  };
}
