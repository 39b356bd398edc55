import type { BucketPlan, LimitPlan } from '@sluice/engine';
import { type KeyPart, keyPart, type Shared } from '../../shared/index.ts';

/** A limit of a route with what a worker keeps ready for it. */
export interface LimitState {
  readonly plan: LimitPlan;
  /** The limit's part of its cells' keys. */
  readonly part: KeyPart;
  /** Its own bucket as a RateLimit-Policy. */
  readonly policy: string;
  /** Counter of the requests it refused, or, in dry run, would have. */
  readonly refused: number;
}

export function limitState(plan: LimitPlan, routeSlot: number, shared: Shared): LimitState {
  const { dryRunSlot } = plan;
  return {
    plan,
    part: keyPart(shared.region.hashKey, 'limit', cellsOf(plan)),
    policy: rateLimitPolicy(plan.name, plan.bucket),
    refused:
      dryRunSlot === undefined
        ? shared.metrics.rateLimited(routeSlot, plan.slot)
        : shared.metrics.dryRunRefusals(routeSlot, dryRunSlot, 'rateLimits'),
  };
}

/** What the cells of a limit belong to. A dry run has cells of its own. */
export function cellsOf({ id, dryRunSlot }: LimitPlan): string {
  return dryRunSlot === undefined ? id : `${id} in dry run`;
}

const policies = new WeakMap<BucketPlan, string>();

/** A bucket as a RateLimit-Policy shows it (draft-ietf-httpapi-ratelimit-headers): quota, and window in seconds. */
export function rateLimitPolicy(name: string, bucket: BucketPlan): string {
  let text = policies.get(bucket);
  if (text === undefined) {
    text = `"${name}";q=${bucket.requests};w=${Math.max(1, Math.round(bucket.perMs / 1000))}`;
    policies.set(bucket, text);
  }
  return text;
}
