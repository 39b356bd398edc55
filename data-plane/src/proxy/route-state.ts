import {
  type AuthPlan,
  type DestinationPlan,
  type HeaderEditsPlan,
  hashText,
  type ListenerPlan,
  type RoutePlan,
  type ServicePlan,
  type StickyChoice,
} from '@sluice/engine';
import { dropTable, type FieldText, HeaderId, type Host, parseHost, RESPONSE_DROP } from '../http1/index.ts';
import { type KeyPart, keyPart, NO_SLOT, RouteRequests, type Shared } from '../shared/index.ts';
import { type ResponseEditsState, responseEditsState } from './body/response-edits-state.ts';
import { type CacheState, cacheState } from './cache/cache-state.ts';
import { CORS_RESPONSE_FIELDS, type CorsState, corsState } from './cors-state.ts';
import { type LimitState, limitState } from './limits/limit-state.ts';
import { type MirrorState, mirrorState } from './mirror/mirror-state.ts';
import { internTable, knownIds, type RequestDrops, removedNames, requestDrops, unknownNames } from './request-drops.ts';
import { type ResponseState, responseState } from './response-state.ts';
import type { DestinationState, FallbackState } from './upstream/destination-state.ts';
import type { ServiceState } from './upstream/service-state.ts';

/** A route of one revision, reached through one listener, with what a worker keeps ready for it. */
export interface RouteState extends RequestDrops {
  readonly plan: RoutePlan;
  readonly listener: ListenerPlan;
  readonly destinations: readonly DestinationState[];
  /** The destinations as callers keep them; null: each request is chosen for itself. */
  readonly stickyChoices: readonly StickyChoice[] | null;
  /** What its requests are answered with; null: a service answers. */
  readonly response: ResponseState | null;
  /** What its requests count for before their destination is chosen: NO_SLOT where there are several. */
  readonly serviceSlot: number;
  readonly requests: RouteRequests;
  /** Histogram of whole requests. */
  readonly duration: number;
  /** Null: nothing is said about other origins. */
  readonly cors: CorsState | null;
  readonly addressLimits: readonly LimitState[];
  readonly callerLimits: readonly LimitState[];
  readonly routePart: KeyPart;
  /** The largest request body. */
  readonly bodyBytes: number;
  /** Some requests wait until all of their body has come. */
  readonly mayNeedBody: boolean;
  /** Some of its requests may be logged or traced. */
  readonly isObserved: boolean;
  /** What clients call themselves may be told: no credential is in that field. */
  readonly tellsUserAgent: boolean;
  /** Null: nobody gets copies of requests. */
  readonly mirror: MirrorState | null;
  /** Null: no answers are kept. */
  readonly cache: CacheState | null;
  /** Null: answers are passed on as they come. */
  readonly responseEdits: ResponseEditsState | null;
  /** The Host that upstreams see; null: the request's own. */
  readonly host: Host | null;
  /** Lines that the gateway writes itself, and that the route removes or sets. Null: none. */
  readonly ownDropNames: ReadonlySet<string> | null;
  /** The same for requests whose credential a dry run refuses: it goes on as it came. Null: nothing is different for them. */
  readonly unhidden: RouteState | null;
  readonly requestLines: FieldText;
  readonly responseDrop: Uint8Array;
  readonly responseDropNames: ReadonlySet<string> | null;
  readonly responseLines: FieldText;
}

const OWN_RESPONSE_FIELDS = [HeaderId.requestId, HeaderId.traceId];

export function buildRouteState(
  plan: RoutePlan,
  listener: ListenerPlan,
  serviceState: (plan: ServicePlan) => ServiceState,
  shared: Shared,
): RouteState {
  const { hashKey } = shared.region;
  const { requestIdHeader } = listener;
  const drops = requestDrops(plan, listener, [plan.auth, plan.dryRun?.auth?.plan]);
  const corsNames = plan.cors === undefined ? [] : CORS_RESPONSE_FIELDS;
  const responseNames = [...removedNames(plan.responseHeaders), ...corsNames, requestIdHeader];
  const hasLimits = [...plan.addressLimits, ...plan.callerLimits].some(({ dryRunSlot }) => dryRunSlot === undefined);
  const responseDrop = internTable(
    dropTable(RESPONSE_DROP, [
      ...OWN_RESPONSE_FIELDS,
      ...(hasLimits ? [HeaderId.rateLimit, HeaderId.rateLimitPolicy] : []),
      ...knownIds(responseNames),
    ]),
  );
  const responseDropNames = unknownNames(responseNames);
  const state: RouteState = {
    plan,
    listener,
    destinations: plan.destinations.map((destination) => destinationState(destination, plan, serviceState, shared)),
    stickyChoices: plan.stickyBy.length === 0 ? null : plan.destinations.map(stickyChoice),
    serviceSlot: plan.destinations.length === 1 ? (plan.destinations[0]?.service.slot ?? NO_SLOT) : NO_SLOT,
    response: plan.response === undefined ? null : responseState(plan.response, plan.responseHeaders),
    requests: new RouteRequests(shared.metrics, plan.slot),
    duration: shared.metrics.requestDuration(plan.slot),
    cors: plan.cors === undefined ? null : corsState(plan.cors),
    addressLimits: plan.addressLimits.map((limit) => limitState(limit, plan.slot, shared)),
    callerLimits: plan.callerLimits.map((limit) => limitState(limit, plan.slot, shared)),
    routePart: keyPart(hashKey, 'route', plan.name),
    bodyBytes: plan.bodyBytes ?? listener.bodyBytes,
    mayNeedBody: plan.validation?.schema !== undefined || plan.requestBody !== undefined,
    isObserved: plan.accessLog !== undefined || plan.tracing !== undefined,
    tellsUserAgent: ![plan.auth, plan.dryRun?.auth?.plan].some(takesUserAgent),
    mirror:
      plan.mirror === undefined ? null : mirrorState(plan.mirror, serviceState(plan.mirror.service), shared.metrics),
    cache:
      plan.cache === undefined
        ? null
        : cacheState(plan.cache, plan, shared, responseDrop, responseDropNames, drops.requestDropNames),
    responseEdits:
      plan.responseBody === undefined ? null : responseEditsState(plan.responseBody, responseDrop, responseDropNames),
    host: plan.rewrite.host === undefined ? null : (parseHost(plan.rewrite.host) ?? null),
    ...drops,
    ownDropNames: ownDropNames(plan.requestHeaders, requestIdHeader),
    unhidden: null,
    requestLines: requestLines(plan),
    responseDrop,
    responseDropNames,
    responseLines: editLines(plan.responseHeaders),
  };
  if (plan.dryRun?.auth === undefined) return state;
  return { ...state, unhidden: { ...state, ...requestDrops(plan, listener, [plan.auth]) } };
}

function destinationState(
  destination: DestinationPlan,
  route: RoutePlan,
  serviceState: (plan: ServicePlan) => ServiceState,
  shared: Shared,
): DestinationState {
  const { service } = destination;
  return {
    plan: destination,
    service: serviceState(service),
    servicePart: keyPart(shared.region.hashKey, 'service', service.name),
    fallbacks: destination.fallbacks.map((fallback): FallbackState => {
      const uses = shared.metrics.fallbacks(service.slot, fallback.kind);
      if (fallback.kind === 'staleCache') return { kind: 'staleCache', maxAgeMs: fallback.maxAgeMs, uses };
      if (fallback.kind === 'response') {
        return { kind: 'response', response: responseState(fallback.response, route.responseHeaders), uses };
      }
      return {
        kind: 'service',
        destination: destinationState(fallback.destination, route, serviceState, shared),
        uses,
      };
    }),
  };
}

function stickyChoice({ service, weight }: DestinationPlan): StickyChoice {
  return { nameHash: hashText(service.name, 0), weight };
}

/** Names of the lines that the gateway writes into each request, beside the listener's name of the request id. */
const OWN_REQUEST_LINES = [
  'forwarded',
  'traceparent',
  'via',
  'x-consumer',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
];

function ownDropNames(edits: HeaderEditsPlan | undefined, requestIdHeader: string): ReadonlySet<string> | null {
  const removed = removedNames(edits);
  const names = [...OWN_REQUEST_LINES, requestIdHeader].filter((name) => removed.includes(name));
  return names.length === 0 ? null : new Set(names);
}

function takesUserAgent(auth: AuthPlan | undefined): boolean {
  return (auth?.methods ?? []).some((method) =>
    method.kind === 'jwt'
      ? method.header === 'user-agent'
      : method.location === 'header' && method.name === 'user-agent',
  );
}

/** Checked where the plan was built. */
function editLines(edits: HeaderEditsPlan | undefined): FieldText {
  return (edits?.lines ?? '') as FieldText;
}

function requestLines({ requestHeaders, responseBody }: RoutePlan): FieldText {
  const lines = editLines(requestHeaders);
  return responseBody === undefined || /^accept-encoding:/im.test(lines)
    ? lines
    : (`accept-encoding: identity\r\n${lines}` as FieldText);
}
