import { addUpLimits, layersFor } from '../config/policy-layers.ts';
import { concatenateHeaderEdits } from './build-header-edits.ts';
import { isByAddressAlone } from './build-limit.ts';
import type { PolicyFields } from './build-policy.ts';
import type { BuiltDestination, BuiltRoute } from './build-route.ts';
import type { BuiltService } from './build-service.ts';
import type { DestinationPlan, PathRewritePlan, RetryPlan, RoutePlan, ServicePlan } from './plan.ts';

/**
 * Joins a route with its policies and its services. Policies apply in their order, then the route: of each field the last that sets it
 * wins whole, limits add up by name, header edits concatenate, and `none` drops what came before.
 * @param policies undefined where one is missing, and the route is unavailable
 * @param services those of the route's destinations, in their order; as `policies`
 */
export function joinRoute(
  route: BuiltRoute,
  policies: readonly (PolicyFields | undefined)[],
  services: readonly (BuiltService | undefined)[],
  path: PathRewritePlan,
  unavailable: string | undefined,
): RoutePlan {
  const layers = [...policies.filter((policy) => policy !== undefined), route.fields];
  const limits = addUpLimits(
    layersFor(layers, 'rateLimits').flatMap((layer) => layer.limits),
    ({ name }) => name,
  );
  const authorization = lastSet(layersFor(layers, 'authorization').map((layer) => layer.authorization));
  const own = {
    timeoutMs: lastSet(layersFor(layers, 'timeout').map(({ timeoutMs }) => timeoutMs)),
    retry: lastSet(layersFor(layers, 'retry').map(({ retry }) => retry)),
  };
  return {
    name: route.name,
    slot: route.slot,
    unavailable: unavailable ?? missingPart(route, policies, services),
    destinations: route.destinations.map((destination, index) =>
      joinDestination(route, destination, services[index], own),
    ),
    admitsAddress: authorization?.admits,
    auth: lastSet(layersFor(layers, 'auth').map(({ auth }) => auth)),
    authorization: authorization?.caller,
    addressLimits: limits.filter(isByAddressAlone),
    callerLimits: limits.filter((limit) => !isByAddressAlone(limit)),
    redirect: route.redirect,
    response: route.response,
    faults: route.faults,
    requestBody: route.requestBody,
    responseBody: route.responseBody,
    cors: lastSet(layersFor(layers, 'cors').map(({ cors }) => cors)),
    validation: lastSet(layersFor(layers, 'validation').map(({ validation }) => validation)),
    rewrite: { path, host: route.host },
    requestHeaders: layersFor(layers, 'requestHeaders')
      .map(({ requestHeaders }) => requestHeaders)
      .reduce(concatenateHeaderEdits, undefined),
    responseHeaders: layersFor(layers, 'responseHeaders')
      .map(({ responseHeaders }) => responseHeaders)
      .reduce(concatenateHeaderEdits, undefined),
    bodyBytes: route.bodyBytes,
    webSocket: route.webSocket,
  };
}

function joinDestination(
  { streamIdleTimeoutMs, maxDurationMs }: BuiltRoute,
  { service: name, weight }: BuiltDestination,
  service: BuiltService | undefined,
  own: { readonly timeoutMs: number | undefined; readonly retry: RetryPlan | undefined },
): DestinationPlan {
  return {
    service: service?.plan ?? missingService(name),
    weight,
    timeoutMs: own.timeoutMs ?? service?.timeoutMs ?? 15_000,
    streamIdleTimeoutMs: streamIdleTimeoutMs ?? service?.streamIdleTimeoutMs ?? 60_000,
    maxDurationMs: maxDurationMs ?? service?.maxDurationMs ?? 0,
    retry: own.retry ?? service?.retry,
  };
}

function lastSet<T>(values: readonly (T | undefined)[]): T | undefined {
  return values.findLast((value) => value !== undefined);
}

function missingPart(
  route: BuiltRoute,
  policies: readonly (PolicyFields | undefined)[],
  services: readonly (BuiltService | undefined)[],
): string | undefined {
  if (policies.includes(undefined)) return 'a policy of the route is missing';
  const missing = services.indexOf(undefined);
  return missing < 0 ? undefined : `the service ${route.destinations[missing]?.service} is missing`;
}

/** Never used to serve: a route without its service is unavailable. */
function missingService(name: string): ServicePlan {
  return {
    name,
    slot: 0,
    enabled: true,
    endpoints: [],
    balancer: 'leastRequest',
    panicPercent: 50,
    healthCheck: undefined,
    outliers: undefined,
    slowStartMs: 0,
    preferredZone: undefined,
    breaker: undefined,
    connectTimeoutMs: 2_000,
    idleTimeoutMs: 60_000,
    connectionsPerEndpoint: 256,
    pendingRequests: 1024,
    maxConcurrentRequests: 0,
  };
}
