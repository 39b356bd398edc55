/**
 * A token bucket as one number: the theoretical arrival time (TAT, the generic cell rate algorithm). The bucket is full when
 * TAT <= now and empty when TAT - now = capacity. Times are microseconds on one monotonic clock. Costs a hash over the parts of `by`, one
 * lookup and one compare-and-swap in shared memory, and two short texts that tell the client what is left.
 */
export interface GcraPlan {
  /** Refill time of one token, microseconds. */
  readonly intervalUs: number;
  /** Refill time of the whole bucket, microseconds: burst x interval. */
  readonly capacityUs: number;
  /** What float rounding may cost before a decision flips: 1/1024 token. TAT is absolute, so it never adds up. */
  readonly slackUs: number;
  /** Size of the bucket in tokens. */
  readonly burst: number;
}

/** `requests` per `perMs` milliseconds, in a bucket of `burst` tokens (unset: `requests`). All must be positive. */
export function gcraPlan(requests: number, perMs: number, burst: number = requests): GcraPlan {
  const intervalUs = (perMs * 1000) / requests;
  return { intervalUs, capacityUs: intervalUs * burst, slackUs: intervalUs / 1024, burst };
}

/** The TAT after taking `cost` tokens at `nowUs`, or -1 when the bucket does not hold them. */
export function chargeGcra(tatUs: number, nowUs: number, plan: GcraPlan, cost: number): number {
  const next = (tatUs > nowUs ? tatUs : nowUs) + cost * plan.intervalUs;
  return next - nowUs <= plan.capacityUs + plan.slackUs ? next : -1;
}

/** The TAT after giving `cost` tokens back. May lie in the past, which reads as a full bucket. */
export function refundGcra(tatUs: number, plan: GcraPlan, cost: number): number {
  const next = tatUs - cost * plan.intervalUs;
  return next > 0 ? next : 0;
}

/** Microseconds until `cost` tokens are there; Infinity when the bucket is too small to ever hold them. */
export function gcraWaitUs(tatUs: number, nowUs: number, plan: GcraPlan, cost: number): number {
  if (cost > plan.burst) return Number.POSITIVE_INFINITY;
  const wait = (tatUs > nowUs ? tatUs : nowUs) + cost * plan.intervalUs - plan.capacityUs - nowUs;
  return wait > 0 ? wait : 0;
}

/** Whole tokens in the bucket, 0..burst. */
export function gcraRemaining(tatUs: number, nowUs: number, plan: GcraPlan): number {
  if (tatUs <= nowUs) return Math.floor(plan.burst);
  const tokens = Math.floor((plan.capacityUs + plan.slackUs - (tatUs - nowUs)) / plan.intervalUs);
  return tokens > 0 ? tokens : 0;
}

/**
 * Whether a TAT lies further ahead than `plan` can have put it: the limit was changed to a smaller or faster bucket. It then counts
 * as just empty (`now + capacity`). The second of grace keeps clocks read a little apart from lowering a limit in force.
 */
export function gcraOutgrown(tatUs: number, nowUs: number, plan: GcraPlan): boolean {
  return tatUs - nowUs > plan.capacityUs + plan.slackUs + 1_000_000;
}
