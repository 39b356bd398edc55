export interface BackoffPolicy {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait before retry number `retry` (0 is the first), milliseconds: full jitter, uniform over
 * [0, min(max, base x 2^retry)), so that clients that failed together do not return together.
 */
export function backoffMs(retry: number, policy: BackoffPolicy, random: () => number): number {
  const ceiling = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(retry, 52));
  return random() * ceiling;
}

/**
 * How long to wait before another try where the one before asked for `askedMs`: at least so long, and not all at the same moment.
 * Undefined where that is `leftMs` or more: nobody would be there any more for what comes of it.
 */
export function retryWaitMs(backoffMs: number, askedMs: number, leftMs: number): number | undefined {
  const waitMs = askedMs + backoffMs;
  return waitMs < leftMs ? waitMs : undefined;
}
