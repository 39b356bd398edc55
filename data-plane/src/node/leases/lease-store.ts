/** The longest that tokens of a lease may be spent after the store gave them. */
export const LEASE_MS = 1000;

/** How a bucket of a limit fills. */
export interface LeasedBucket {
  /** The bucket's name in the store. */
  readonly key: string;
  readonly algorithm: 'tokenBucket' | 'slidingWindow';
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
}

/** What a node says of the lease it has on a bucket; totals since the lease began. */
export interface LeaseReport {
  /** Empty: it has none. */
  readonly lease: string;
  readonly spent: number;
  readonly givenBack: number;
}

export interface LeaseAnswer {
  readonly lease: string;
  /** By this lease so far. */
  readonly granted: number;
  /** What the bucket still holds. */
  readonly left: number;
  /** Until there is more; 0: all that was wanted was given. */
  readonly waitMs: number;
}

/** Where nodes take leases. */
export interface LeaseStore {
  /** It answers. */
  readonly up: boolean;
  /** Nodes that share the limits, as last seen; at least 1. */
  readonly nodes: number;
  /** Rejects when the store is away, or gave no answer. The lease may have been given all the same. */
  lease(bucket: LeasedBucket, report: LeaseReport, wanted: number): Promise<LeaseAnswer>;
}
