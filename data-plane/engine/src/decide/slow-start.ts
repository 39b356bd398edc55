/** The share of its weight that an endpoint begins with. */
const FIRST_SHARE = 0.1;
/** How many steps its share grows in. */
export const SLOW_START_STEPS = 50;

/**
 * The part of its weight that an endpoint counts with, `inServiceMs` after it came: a tenth at first, growing evenly, all of it after
 * `slowStartMs`.
 */
export function slowStartShare(inServiceMs: number, slowStartMs: number): number {
  if (inServiceMs >= slowStartMs) return 1;
  return Math.max(FIRST_SHARE, Math.max(0, inServiceMs) / slowStartMs);
}
