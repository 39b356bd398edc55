/**
 * What a request needs to know, prebuilt. Plans are immutable: a request takes them once, when its head is complete,
 * and uses nothing else to its end, so it sees one revision whatever is activated meanwhile.
 */
import type { AuthorizationPlan } from '../decide/authorize.ts';
import type { CachePlan } from '../decide/cache-response.ts';
import type { CorsPlan } from '../decide/cors.ts';
import type { BodyEditsPlan } from '../decide/edit-body.ts';
import type { ValidationPlan } from '../decide/validation.ts';
import type { ParsedPath } from '../router/parse-path.ts';
import type { AuthPlan, DryRunPlan } from './caller-plan.ts';
import type { LimitPlan } from './limit-plan.ts';
import type { HashPart, RetryPlan, ServicePlan } from './service-plan.ts';

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
  /** Which answers are kept for who asks next. Undefined: none. */
  readonly cache: CachePlan | undefined;
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
  /** Which requests are logged. Undefined: none. */
  readonly accessLog: AccessLogPlan | undefined;
  /** Which requests are traced. Undefined: none, though whoever traces them finds his context passed on. */
  readonly tracing: TracingPlan | undefined;
}

export interface TracingPlan {
  /** The share, 0 to 1, of requests whose trace was not decided about by a trusted peer. */
  readonly sample: number;
}

/** Requests that are logged when they are over. */
export interface AccessLogPlan {
  /** The share of all, 0 to 1. */
  readonly sample: number;
  /** And whatever ends with a status of 400 or above, or broken off. */
  readonly errors: boolean;
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
  | { readonly kind: 'response'; readonly response: ResponsePlan }
  /** Of the route's cache, where it has one. */
  | { readonly kind: 'staleCache' /** How old it may be. */; readonly maxAgeMs: number };

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
