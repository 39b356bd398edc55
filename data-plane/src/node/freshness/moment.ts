import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

/** A moment, as the clocks of a machine told it: enough to say later, maybe in another process, how long ago it was. */
export interface Moment {
  /** Unix milliseconds. */
  readonly wallMs: number;
  /** Since the machine started, in milliseconds; goes on while it is suspended, and no step of the wall clock moves it. */
  readonly uptimeMs: number;
  /** Another at each start of the machine. Empty: nobody knows. */
  readonly bootId: string;
}

/** More than any setting asks about: what no clock can tell the age of is this old. */
export const UNKNOWN_AGE_MS = 366 * 86_400_000;

/** The present moment. */
export function readMoment(): Moment {
  return { wallMs: Date.now(), uptimeMs: uptime() * 1000, bootId: readBootId() };
}

/**
 * How long ago a moment was that another process may have seen. Of what the clocks say the longest counts: a wall clock that was set
 * back makes nothing younger while the machine runs, and one that went back over a restart of the machine tells nothing.
 */
export function elapsedMs(from: Moment, to: Moment): number {
  const byWallMs = to.wallMs - from.wallMs;
  const byUptimeMs = to.uptimeMs - from.uptimeMs;
  const isSameBoot = from.bootId !== '' && from.bootId === to.bootId && byUptimeMs >= 0;
  if (isSameBoot) return Math.max(byUptimeMs, byWallMs);
  return byWallMs >= 0 ? Math.min(byWallMs, UNKNOWN_AGE_MS) : UNKNOWN_AGE_MS;
}

/**
 * Milliseconds that no step of the wall clock moves, and that go on while the machine is suspended, which those of the shared clock do
 * not.
 */
export function createSteadyClock(
  monotonicMs: () => number,
  uptimeMs: () => number = () => uptime() * 1000,
): () => number {
  const startMs = uptimeMs() - monotonicMs();
  let suspendedMs = 0;
  return () => {
    const nowMs = monotonicMs();
    suspendedMs = Math.max(suspendedMs, uptimeMs() - startMs - nowMs);
    return nowMs + suspendedMs;
  };
}

function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
