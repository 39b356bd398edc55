/** The window over which requests and retries are counted, seconds. */
export const RETRY_WINDOW_SECONDS = 10;
/** Retries a service may always make, per second. */
export const MINIMUM_RETRIES_PER_SECOND = 3;

/**
 * How many retries a window may hold: `budgetPercent` of its requests (first tries only), and never fewer than three a second.
 */
export function retryAllowance(requestsInWindow: number, budgetPercent: number): number {
  const share = Math.floor((requestsInWindow * budgetPercent) / 100);
  return Math.max(share, MINIMUM_RETRIES_PER_SECOND * RETRY_WINDOW_SECONDS);
}
