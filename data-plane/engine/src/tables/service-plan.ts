/** A service as requests use it. */
import type { BreakerPolicy } from '../decide/breaker.ts';
import type { HashAlgorithm, HashTable } from '../decide/consistent-hash.ts';
import type { HealthPolicy } from '../decide/health.ts';
import type { OutlierPolicy } from '../decide/outlier.ts';

export interface ServicePlan {
  readonly name: string;
  /** The service's slot in shared memory. */
  readonly slot: number;
  /** False: its routes answer service_disabled. */
  readonly enabled: boolean;
  /**
   * Those that this node's group uses; never with weight 0. May be empty: no_healthy_endpoint. Where they are discovered, those that
   * were found last.
   */
  readonly endpoints: readonly EndpointPlan[];
  /** Endpoints are found while the node runs. */
  readonly isDiscovered: boolean;
  readonly balancer: BalancerPlan;
  /** With a smaller percentage of endpoints that are healthy and not ejected than this all are used; 0: never. */
  readonly panicPercent: number;
  /** Undefined: every endpoint counts as healthy. */
  readonly healthCheck: HealthCheckPlan | undefined;
  /** Undefined: live traffic ejects no endpoint. */
  readonly outliers: OutlierPolicy | undefined;
  /** How long an endpoint that came, or came back, takes to get its full share. 0: no time. */
  readonly slowStartMs: number;
  /** Endpoints of this zone are used where enough of them can be. Undefined: zones make no difference. */
  readonly preferredZone: string | undefined;
  readonly breaker: BreakerPolicy | undefined;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** The most connections that the node opens to one endpoint. */
  readonly connectionsPerEndpoint: number;
  /** The most requests that wait on the node for a connection. */
  readonly pendingRequests: number;
  /** The most requests that the node has under way at it. 0: no bound. */
  readonly maxConcurrentRequests: number;
}

export type BalancerPlan =
  | { readonly kind: 'roundRobin' | 'leastRequest' | 'random' }
  | {
      readonly kind: 'consistentHash';
      readonly by: readonly HashPart[];
      readonly algorithm: HashAlgorithm;
      /** Of the endpoints, in their order. */
      readonly table: HashTable;
    };

/** What of a request is hashed. Where a request has no such part, its client's address stands for it. */
export type HashPart =
  | { readonly kind: 'consumer' | 'clientIp' | 'path' }
  | { readonly kind: 'header' /** In lower case. */; readonly name: string }
  | { readonly kind: 'cookie' | 'query'; readonly name: string };

/** Active probes of each endpoint of a service. Plain data, so that two can be compared. */
export interface HealthCheckPlan extends HealthPolicy {
  readonly probe: ProbePlan;
  readonly intervalMs: number;
  /** A probe without an answer fails after this. */
  readonly timeoutMs: number;
}

export type ProbePlan =
  | {
      readonly kind: 'http';
      readonly path: string;
      /** Those that are healthy, both ends included. */
      readonly statuses: readonly { readonly from: number; readonly to: number }[];
    }
  | { readonly kind: 'tcp' };

export interface EndpointPlan {
  /** As written, HOST:PORT. */
  readonly address: string;
  /** Without brackets where it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
  readonly weight: number;
  /** Empty: none. */
  readonly zone: string;
  /** Endpoints of the lowest number are used, as long as enough of them can be (RFC 2782). 0 where nothing says another. */
  readonly priority: number;
  /** The slot of (service, address) in shared memory; pools are kept by it, whatever the revision. */
  readonly slot: number;
}

export interface RetryPlan {
  /** Tries after the first. */
  readonly attempts: number;
  readonly onConnectFailure: boolean;
  readonly onReset: boolean;
  readonly onTimeout: boolean;
  readonly statuses: ReadonlySet<number>;
  /** 0: what is left of the route's timeout. */
  readonly perTryTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly budgetPercent: number;
  readonly methods: ReadonlySet<string>;
  /** Requests with an Idempotency-Key header are retried whatever their method: where `methods` is not configured. */
  readonly idempotencyKey: boolean;
  readonly bufferBytes: number;
}
