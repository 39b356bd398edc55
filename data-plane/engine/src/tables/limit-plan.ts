/** What limits count, and by what. */
import type { GcraPlan } from '../decide/gcra.ts';
import type { WindowPlan } from '../decide/sliding-window.ts';

export interface LimitPlan {
  /** As written; shown in RateLimit headers and metrics. */
  readonly name: string;
  /** `Policy/NAME/LIMIT` or `Route/NAME/LIMIT`: what the cells belong to, whatever the revision. */
  readonly id: string;
  readonly slot: number;
  readonly by: readonly LimitKeyPart[];
  readonly bucket: BucketPlan;
  /** It decides and counts, for this slot of policies (0: of a route), and lets pass. Undefined: it refuses. */
  readonly dryRunSlot: number | undefined;
  /** It holds for all nodes together, by leases. Undefined: for this node. */
  readonly cluster: ClusterLimitPlan | undefined;
  readonly cost: number;
  /** Which requests are counted. Undefined: all. */
  readonly applies: ((method: string, path: string) => boolean) | undefined;
}

/**
 * Costs what a bucket of the node does: a lease is spent in shared memory. Only the first request of a bucket waits, 50 ms at most, for
 * Redis.
 */
export interface ClusterLimitPlan {
  /** While the shared store is away the node admits its share of the limit; false: nothing. */
  readonly failOpen: boolean;
}

/** How a limit counts, and the numbers it was written with. */
export type BucketPlan = TokenBucketPlan | SlidingWindowPlan;

interface AnyBucketPlan {
  /** `OWNER/LIMIT`, the owner being `Policy/NAME`, `Route/NAME`, `Consumer/NAME` or `ApiKey/NAME`. */
  readonly id: string;
  /** Limit slot of the cell that takes callers the limiter's table has no room for; an override has one of its own. */
  readonly slot: number;
  readonly requests: number;
  readonly perMs: number;
}

export interface TokenBucketPlan extends AnyBucketPlan {
  readonly algorithm: 'tokenBucket';
  readonly gcra: GcraPlan;
}

export interface SlidingWindowPlan extends AnyBucketPlan {
  readonly algorithm: 'slidingWindow';
  readonly window: WindowPlan;
}

export type LimitKeyPart =
  | { readonly kind: 'consumer' | 'apiKey' | 'clientIp' | 'route' | 'service' | 'global' }
  | { readonly kind: 'header' /** In lower case. */; readonly name: string }
  | { readonly kind: 'claim'; readonly name: string };
