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
import {
  dropTable,
  type FieldText,
  HeaderId,
  type Host,
  headerIdOf,
  parseHost,
  plainName,
  REQUEST_DROP,
  RESPONSE_DROP,
} from '../http1/index.ts';
import { type KeyPart, keyPart, NO_SLOT, RouteRequests, type Shared } from '../shared/index.ts';
import { type CacheState, cacheState } from './cache-state.ts';
import { CORS_RESPONSE_FIELDS, type CorsState, corsState } from './cors-state.ts';
import type { DestinationState, FallbackState } from './destination-state.ts';
import { type LimitState, limitState } from './limit-state.ts';
import { type MirrorState, mirrorState } from './mirror-state.ts';
import { DIGEST_FIELDS, PARTIAL_FIELDS, type ResponseEditsState, responseEditsState } from './response-edits-state.ts';
import { type ResponseState, responseState } from './response-state.ts';
import type { ServiceState } from './service-state.ts';

/** A route of one revision, reached through one listener, with what a worker keeps ready for it. */
export interface RouteState {
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
  /** Which fields of a request are not passed on: of an untrusted peer, of a trusted one. */
  readonly requestDrop: Uint8Array;
  readonly trustedRequestDrop: Uint8Array;
  readonly requestDropNames: ReadonlySet<string> | null;
  /** Lines that the gateway writes itself, and that the route removes or sets. Null: none. */
  readonly ownDropNames: ReadonlySet<string> | null;
  /** Cookies that hold credentials and are not passed on. */
  readonly droppedCookies: readonly string[] | null;
  readonly requestLines: FieldText;
  readonly responseDrop: Uint8Array;
  readonly responseDropNames: ReadonlySet<string> | null;
  readonly responseLines: FieldText;
}

/** Written by the gateway: whatever came under these names is not passed on. */
const OWN_REQUEST_FIELDS = [
  HeaderId.forwarded,
  HeaderId.forwardedFor,
  HeaderId.forwardedProto,
  HeaderId.forwardedHost,
  HeaderId.requestId,
  HeaderId.traceparent,
  HeaderId.consumer,
];
/** What else only a trusted peer may say. */
const UNTRUSTED_REQUEST_FIELDS = [HeaderId.forwardedOther, HeaderId.realIp];
const OWN_RESPONSE_FIELDS = [HeaderId.requestId, HeaderId.traceId];

export function buildRouteState(
  plan: RoutePlan,
  listener: ListenerPlan,
  serviceState: (plan: ServicePlan) => ServiceState,
  shared: Shared,
): RouteState {
  const { hashKey } = shared.region;
  const { requestIdHeader } = listener;
  const requestNames = [
    ...removedNames(plan.requestHeaders),
    ...credentialHeaders(plan.auth),
    ...credentialHeaders(plan.dryRun?.auth?.plan),
    requestIdHeader,
  ];
  const droppedCookies = [...credentialCookies(plan.auth), ...credentialCookies(plan.dryRun?.auth?.plan)];
  if (droppedCookies.length > 0) requestNames.push('cookie');
  if (plan.requestBody !== undefined) requestNames.push(...DIGEST_FIELDS);
  if (plan.responseBody !== undefined) requestNames.push(...PARTIAL_FIELDS);
  const corsNames = plan.cors === undefined ? [] : CORS_RESPONSE_FIELDS;
  const responseNames = [...removedNames(plan.responseHeaders), ...corsNames, requestIdHeader];
  const trustedRequestDrop = kept(dropTable(REQUEST_DROP, [...OWN_REQUEST_FIELDS, ...knownIds(requestNames)]));
  const hasLimits = [...plan.addressLimits, ...plan.callerLimits].some(({ dryRunSlot }) => dryRunSlot === undefined);
  const responseDrop = kept(
    dropTable(RESPONSE_DROP, [
      ...OWN_RESPONSE_FIELDS,
      ...(hasLimits ? [HeaderId.rateLimit, HeaderId.rateLimitPolicy] : []),
      ...knownIds(responseNames),
    ]),
  );
  const responseDropNames = unknownNames(responseNames);
  return {
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
        : cacheState(plan.cache, plan, shared, responseDrop, responseDropNames, unknownNames(requestNames)),
    responseEdits:
      plan.responseBody === undefined ? null : responseEditsState(plan.responseBody, responseDrop, responseDropNames),
    host: plan.rewrite.host === undefined ? null : (parseHost(plan.rewrite.host) ?? null),
    trustedRequestDrop,
    requestDrop: kept(dropTable(trustedRequestDrop, UNTRUSTED_REQUEST_FIELDS)),
    requestDropNames: unknownNames(requestNames),
    ownDropNames: ownDropNames(plan.requestHeaders, requestIdHeader),
    droppedCookies: droppedCookies.length === 0 ? null : droppedCookies,
    requestLines: requestLines(plan),
    responseDrop,
    responseDropNames,
    responseLines: editLines(plan.responseHeaders),
  };
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

const MAX_KEPT_TABLES = 1024;
const keptTables = new Map<string, Uint8Array>();

/** One table for all routes that drop the same: of 100,000 routes most do, and what is one is in the processor's cache. */
function kept(table: Uint8Array): Uint8Array {
  const key = table.join('');
  const known = keptTables.get(key);
  if (known !== undefined) return known;
  if (keptTables.size >= MAX_KEPT_TABLES) keptTables.clear();
  keptTables.set(key, table);
  return table;
}

function credentialCookies(auth: AuthPlan | undefined): readonly string[] {
  return (auth?.methods ?? []).flatMap((method) =>
    method.kind === 'apiKey' && method.location === 'cookie' && !method.forward ? [method.name] : [],
  );
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

/** Headers that hold credentials and are not passed on. */
function credentialHeaders(auth: AuthPlan | undefined): readonly string[] {
  const methods = (auth?.methods ?? []).filter(({ forward }) => !forward);
  return methods.flatMap((method) => {
    if (method.kind === 'jwt') return [method.header];
    return method.location === 'header' ? [method.name] : [];
  });
}

function takesUserAgent(auth: AuthPlan | undefined): boolean {
  return (auth?.methods ?? []).some((method) =>
    method.kind === 'jwt'
      ? method.header === 'user-agent'
      : method.location === 'header' && method.name === 'user-agent',
  );
}

function removedNames(edits: HeaderEditsPlan | undefined): readonly string[] {
  return edits === undefined ? [] : [...edits.removed];
}

/** Ids that stand for one name alone, so that dropping by them drops nothing else. */
function knownIds(names: readonly string[]): HeaderId[] {
  return names.map(headerIdOf).filter((id) => !SHARED_IDS.has(id));
}

const SHARED_IDS: ReadonlySet<HeaderId> = new Set([
  HeaderId.other,
  HeaderId.forwardedOther,
  HeaderId.consumer,
  HeaderId.twin,
]);

function unknownNames(names: readonly string[]): ReadonlySet<string> | null {
  const unknown = names.filter((name) => headerIdOf(name) === HeaderId.other);
  return unknown.length === 0 ? null : new Set(unknown.map(plainName));
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
