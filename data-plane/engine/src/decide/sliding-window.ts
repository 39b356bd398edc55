/** Sub-windows of a window; each is counted as a whole. */
export const SUB_WINDOWS = 60;

/**
 * A sliding window: never more than `requests` in any stretch of `per`. Time is cut into sub-windows of per/60, numbered on one
 * monotonic clock. A request at sub-window `s` counts until `s + 61` begins, so for at most per/60 longer than it would have to. Costs what
 * a token bucket does, and where a sub-window has passed since, a look at the marks of those that leave.
 */
export interface WindowPlan {
  readonly requests: number;
  readonly perUs: number;
  /** Length of a sub-window, microseconds. */
  readonly subUs: number;
}

/** `requests` in any `perMs` milliseconds. Both must be positive. */
export function windowPlan(requests: number, perMs: number): WindowPlan {
  const perUs = perMs * 1000;
  return { requests, perUs, subUs: perUs / SUB_WINDOWS };
}

/** The sub-window that holds `nowUs`. */
export function subWindowAt(nowUs: number, plan: WindowPlan): number {
  return Math.floor(nowUs / plan.subUs);
}

/** When what was admitted in sub-window `number` counts no longer, microseconds. */
export function subWindowLeavesUs(number: number, plan: WindowPlan): number {
  return (number + SUB_WINDOWS + 1) * plan.subUs;
}
