/**
 * What a request needs to know, prebuilt. Plans are immutable: a request takes them once, when its head is complete,
 * and uses nothing else to its end, so it sees one revision whatever is activated meanwhile.
 */
import type { AuthorizationPlan } from '../decide/authorize.ts';
import type { BreakerPolicy } from '../decide/breaker.ts';
import type { HashTable } from '../decide/consistent-hash.ts';
import type { CorsPlan } from '../decide/cors.ts';
import type { BodyEditsPlan } from '../decide/edit-body.ts';
import type { GcraPlan } from '../decide/gcra.ts';
import type { HealthPolicy } from '../decide/health.ts';
import type { OutlierPolicy } from '../decide/outlier.ts';
import type { WindowPlan } from '../decide/sliding-window.ts';
import type { ValidationPlan } from '../decide/validation.ts';
import type { TokenIssuer } from '../jwt/token-issuer.ts';
import type { ParsedPath } from '../router/parse-path.ts';

/** A route with everything its policies and its service contribute. */
export interface RoutePlan {
  readonly name: string;
  /** The route's slot in shared memory. */
  readonly slot: number;
  /** Why requests are answered with policy_unavailable: something the route needs could not be built. Unset: it serves. */
  readonly unavailable: string | undefined;
  /** Its requests are sent elsewhere, before anything else is decided. */
  readonly redirect: RedirectPlan | undefined;
  /** Its requests are answered here, once they are let through. */
  readonly response: ResponsePlan | undefined;
  /** Failures that are rehearsed. Undefined: none. */
  readonly faults: FaultsPlan | undefined;
  /** Who gets copies of requests. Undefined: nobody. */
  readonly mirror: MirrorPlan | undefined;
  /** Edits to the JSON of requests, of answers. Undefined: bodies stay as they are. */
  readonly requestBody: BodyEditsPlan | undefined;
  readonly responseBody: BodyEditsPlan | undefined;
  /** Where requests go; of more than one, each request goes to one, by weight. Empty where no request goes to a service. */
  readonly destinations: readonly DestinationPlan[];
  /** What keeps a caller on one of several destinations. Empty: each request is chosen for itself. */
  readonly stickyBy: readonly HashPart[];
  /** Scripts of which origins may call. Undefined: the gateway says nothing about it. */
  readonly cors: CorsPlan | undefined;
  /** Whether a client address may call. Undefined: every one may. */
  readonly admitsAddress: ((address: string) => boolean) | undefined;
  /** What requests must look like. Undefined: anything goes. */
  readonly validation: ValidationPlan | undefined;
  readonly auth: AuthPlan | undefined;
  readonly authorization: AuthorizationPlan | undefined;
  /** What is decided and counted, and lets pass. Undefined: nothing. */
  readonly dryRun: DryRunPlan | undefined;
  /** Limits by client address alone, checked before authentication, in order. */
  readonly addressLimits: readonly LimitPlan[];
  /** The other limits, checked after authentication, in order. */
  readonly callerLimits: readonly LimitPlan[];
  /** Changes on the way up, or, of the path, in a redirect. */
  readonly rewrite: RewritePlan;
  readonly requestHeaders: HeaderEditsPlan | undefined;
  readonly responseHeaders: HeaderEditsPlan | undefined;
  /** The largest request body. Undefined: the listener's. */
  readonly bodyBytes: number | undefined;
  /** WebSocket handshakes go on as such. */
  readonly webSocket: boolean;
}

/** A service as a route uses it: what neither the route nor its policies say is as the service says. */
export interface DestinationPlan {
  readonly service: ServicePlan;
  /** Its share beside the route's other destinations; above 0. */
  readonly weight: number;
  /** Request head to response head, all tries. */
  readonly timeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  /** The whole exchange. 0: no bound. */
  readonly maxDurationMs: number;
  readonly retry: RetryPlan | undefined;
  /** What its service has for when it cannot serve, in order. Empty for a service that is a fallback itself. */
  readonly fallbacks: readonly FallbackPlan[];
  /** Which failures and answers of the last try they are for: the conditions of `retry`, or the default ones. */
  readonly fallbackOn: RetryPlan;
}

export type FallbackPlan =
  | { readonly kind: 'service'; readonly destination: DestinationPlan }
  | { readonly kind: 'response'; readonly response: ResponsePlan };

/** Where a redirect sends: what is undefined stays as the client asked. The path is rewritten as the route's rewrite says. */
export interface RedirectPlan {
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** `http` or `https`. */
  readonly scheme: string | undefined;
  /** As `parseHost` spells it, without a port. */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** Who gets copies of requests, and of how many. */
export interface MirrorPlan {
  readonly service: ServicePlan;
  /** 0 to 100. */
  readonly percent: number;
  /** From sending a copy to the end of its answer. */
  readonly timeoutMs: number;
}

/** Rehearsed failures; each request draws both. */
export interface FaultsPlan {
  /** How long a request waits before its first try; 0: none does. */
  readonly delayMs: number;
  /** The share that waits, 0 to 100. */
  readonly delayPercent: number;
  /** The status of a refusal. */
  readonly abortStatus: number;
  /** The share that is refused, 0 to 100. */
  readonly abortPercent: number;
  /** Only requests with this header, in lower case. Undefined: all. */
  readonly header: string | undefined;
}

/** An answer that is always the same. */
export interface ResponsePlan {
  readonly status: number;
  /** `name: value\r\n` lines, content-type among them where there is a body; no framing. */
  readonly lines: string;
  /** In UTF-8. */
  readonly body: Uint8Array;
}

export interface ServicePlan {
  readonly name: string;
  /** The service's slot in shared memory. */
  readonly slot: number;
  /** False: its routes answer service_disabled. */
  readonly enabled: boolean;
  /** Those that this node's group uses; never with weight 0. May be empty: no_healthy_endpoint. */
  readonly endpoints: readonly EndpointPlan[];
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
      readonly by: readonly HashPart[] /** Of the endpoints, in their order. */;
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
  /** The slot of (service, address) in shared memory; pools are kept by it, whatever the revision. */
  readonly slot: number;
}

export interface AuthPlan {
  readonly methods: readonly AuthMethodPlan[];
  /** Requests without any credential pass as anonymous. */
  readonly optional: boolean;
}

/** What policies in dry run would refuse; each with the slot of the policy that says so. */
export interface DryRunPlan {
  readonly auth: { readonly plan: AuthPlan; readonly policySlot: number } | undefined;
  readonly authorization:
    | {
        readonly caller: AuthorizationPlan | undefined;
        readonly admits: ((address: string) => boolean) | undefined;
        readonly policySlot: number;
      }
    | undefined;
}

export type AuthMethodPlan = ApiKeyMethodPlan | JwtMethodPlan;

export interface JwtMethodPlan {
  readonly kind: 'jwt';
  /** Names of the issuers whose tokens are accepted. */
  readonly issuers: readonly string[];
  /** In lower case. `authorization` holds the token after `Bearer`, any other the token alone. */
  readonly header: string;
  readonly forward: boolean;
}

/** Whose tokens are accepted, and whom they stand for. A changed issuer is another object. */
export interface IssuerPlan extends TokenIssuer {
  readonly name: string;
  /** Its keys are fetched: one that is not known may be new. */
  readonly isFetched: boolean;
  /** Undefined: its tokens stand for no consumer. */
  readonly consumer: { readonly claim: string; readonly admitsUnknown: boolean } | undefined;
  readonly scopesClaim: string;
  readonly groupsClaim: string;
}

export interface ApiKeyMethodPlan {
  readonly kind: 'apiKey';
  readonly location: 'header' | 'query' | 'cookie';
  /** The header's name in lower case, or the query parameter's or the cookie's as written. */
  readonly name: string;
  readonly forward: boolean;
}

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

export interface RewritePlan {
  readonly path: PathRewritePlan;
  /** The Host that upstreams see. Undefined: the request's own. */
  readonly host: string | undefined;
}

export type PathRewritePlan =
  | { readonly kind: 'keep' }
  | {
      /** The first `length` characters of the path are replaced by `replacement`; the result starts with one `/`. */
      readonly kind: 'prefix';
      readonly length: number;
      readonly replacement: string;
    }
  | {
      /** Literals and path parameters in turn: literals[0] params[0] literals[1] ... */
      readonly kind: 'template';
      readonly literals: readonly string[];
      readonly params: readonly string[];
    };

/** Applied in the order remove, set, add. Names as written; `removed` holds those of remove and set in lower case. */
export interface HeaderEditsPlan {
  readonly removed: ReadonlySet<string>;
  /** `name: value\r\n` lines of set and add, checked for control characters. */
  readonly lines: string;
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

export interface ConsumerPlan {
  readonly name: string;
  /** Of its API keys. */
  readonly scopes: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Buckets by limit name that replace the limit's own. */
  readonly overrides: ReadonlyMap<string, BucketPlan> | undefined;
}

/** An API key that authenticates: looked up by the SHA-256 of what the client presents. */
export interface ApiKeyPlan {
  readonly name: string;
  readonly consumer: ConsumerPlan;
  /** Unix milliseconds; Infinity: never. The earlier of the key's expiry and, for a rotated secret, the end of its grace. */
  readonly expiresAtMs: number;
  readonly overrides: ReadonlyMap<string, BucketPlan> | undefined;
}

export interface ListenerPlan {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly bodyBytes: number;
  readonly headerTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connections: number;
  readonly connectionsPerClient: number;
  /** Whether a peer's forwarding headers are believed. */
  readonly trusts: (address: string) => boolean;
  readonly mergeSlashes: boolean;
  readonly allowEncodedSlashes: boolean;
  /** In lower case. */
  readonly requestIdHeader: string;
}

/** The route that takes a request, in the way its path matched. Made once for many requests. */
export interface FoundRoute {
  readonly kind: 'found';
  readonly plan: RoutePlan;
  /** What the path matched: `readPathParams` reads the parameters of a template. */
  readonly path: ParsedPath | undefined;
  /** For who asked: what it keeps ready for this plan, and is gone with it. */
  kept: unknown;
}

/** Where a request goes, as `Tables.find` says. */
export type RouteFinding =
  | FoundRoute
  | { readonly kind: 'methodNotAllowed'; readonly allow: readonly string[] }
  | { readonly kind: 'notFound' };
