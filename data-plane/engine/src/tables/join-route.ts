import { addUpLimits, layersFor } from '../config/policy-layers.ts';
import type { ValidationPlan } from '../decide/validation.ts';
import type { BuiltAuthorization } from './build-authorization.ts';
import { concatenateHeaderEdits } from './build-header-edits.ts';
import { isByAddressAlone } from './build-limit.ts';
import type { PolicyFields } from './build-policy.ts';
import { DEFAULT_RETRY } from './build-retry.ts';
import type { BuiltDestination, BuiltRoute } from './build-route.ts';
import type { BuiltService } from './build-service.ts';
import type { AuthPlan, DryRunPlan } from './caller-plan.ts';
import type { LimitPlan } from './limit-plan.ts';
import type { DestinationPlan, FallbackPlan, MirrorPlan, PathRewritePlan, RoutePlan } from './plan.ts';
import type { RetryPlan, ServicePlan } from './service-plan.ts';

/**
 * Joins a route with its policies and its services. Policies apply in their order, then the route: of each field the last that sets it
 * wins whole, limits add up by name, header edits concatenate, and `none` drops what came before.
 * @param policies undefined where one is missing, and the route is unavailable
 * @param services those of the route's destinations, in their order; as `policies`
 * @param serviceOf gives those that they fall back on, and the mirror's; one that is missing is left out
 */
export function joinRoute(
  route: BuiltRoute,
  policies: readonly (PolicyFields | undefined)[],
  services: readonly (BuiltService | undefined)[],
  serviceOf: (name: string) => BuiltService | undefined,
  path: PathRewritePlan,
  unavailable: string | undefined,
): RoutePlan {
  const layers = [...policies.filter((policy) => policy !== undefined), route.fields];
  const rehearsed = new Set(layersFor(layers, 'mode').filter(({ dryRunSlot }) => dryRunSlot !== undefined));
  const limits = joinLimits(layersFor(layers, 'rateLimits'), rehearsed);
  const auth = decide(layersFor(layers, 'auth'), rehearsed, (layer) => layer.auth);
  const authorization = decide(layersFor(layers, 'authorization'), rehearsed, (layer) => layer.authorization);
  const validation = decide(layersFor(layers, 'validation'), rehearsed, (layer) => layer.validation);
  const own = {
    timeoutMs: lastSet(layersFor(layers, 'timeout').map(({ timeoutMs }) => timeoutMs)),
    retry: lastSet(layersFor(layers, 'retry').map(({ retry }) => retry)),
  };
  return {
    name: route.name,
    slot: route.slot,
    unavailable: unavailable ?? missingPart(route, policies, services),
    destinations: route.destinations.map((destination, index) =>
      joinDestination(route, destination, services[index], own, serviceOf),
    ),
    admitsAddress: authorization.enforced?.admits,
    stickyBy: route.stickyBy,
    auth: auth.enforced,
    authorization: authorization.enforced?.caller,
    dryRun: dryRunPlan(auth.rehearsed, authorization.rehearsed, validation.rehearsed),
    addressLimits: limits.filter(isByAddressAlone),
    callerLimits: limits.filter((limit) => !isByAddressAlone(limit)),
    redirect: route.redirect,
    response: route.response,
    faults: route.faults,
    mirror: joinMirror(route, serviceOf),
    requestBody: route.requestBody,
    responseBody: route.responseBody,
    cors: lastSet(layersFor(layers, 'cors').map(({ cors }) => cors)),
    validation: validation.enforced,
    cache: lastSet(layersFor(layers, 'cache').map(({ cache }) => cache)),
    rewrite: { path, host: route.host },
    requestHeaders: layersFor(layers, 'requestHeaders')
      .map(({ requestHeaders }) => requestHeaders)
      .reduce(concatenateHeaderEdits, undefined),
    responseHeaders: layersFor(layers, 'responseHeaders')
      .map(({ responseHeaders }) => responseHeaders)
      .reduce(concatenateHeaderEdits, undefined),
    bodyBytes: route.bodyBytes,
    webSocket: route.webSocket,
    accessLog: lastSet(layersFor(layers, 'accessLog').map(({ accessLog }) => accessLog)),
    tracing: lastSet(layersFor(layers, 'tracing').map(({ tracing }) => tracing)),
  };
}

/** Limits add up by name. One in dry run replaces none that is enforced; one that is enforced replaces a dry run before it. */
function joinLimits(layers: readonly PolicyFields[], rehearsed: ReadonlySet<PolicyFields>): readonly LimitPlan[] {
  const all = layers.flatMap((layer) =>
    rehearsed.has(layer)
      ? layer.limits.map((limit): LimitPlan => ({ ...limit, dryRunSlot: layer.dryRunSlot ?? 0 }))
      : layer.limits,
  );
  const isReplaced = (limit: LimitPlan, at: number): boolean =>
    limit.dryRunSlot !== undefined &&
    all.slice(at).some(({ name, dryRunSlot }) => name === limit.name && dryRunSlot === undefined);
  return addUpLimits(
    all.filter((limit, at) => !isReplaced(limit, at)),
    ({ name, dryRunSlot }) => (dryRunSlot === undefined ? name : `${name} in dry run`),
  );
}

interface Rehearsed<T> {
  readonly value: T;
  readonly policySlot: number;
}

/** The last that sets a field wins; where that is a dry run, what holds is what would without it. */
function decide<T>(
  layers: readonly PolicyFields[],
  rehearsed: ReadonlySet<PolicyFields>,
  setBy: (layer: PolicyFields) => T | undefined,
): { readonly enforced: T | undefined; readonly rehearsed: Rehearsed<T> | undefined } {
  const enforced = lastSet(layers.filter((layer) => !rehearsed.has(layer)).map(setBy));
  const last = layers.findLast((layer) => setBy(layer) !== undefined);
  const value = last && setBy(last);
  if (last === undefined || value === undefined || !rehearsed.has(last)) return { enforced, rehearsed: undefined };
  return { enforced, rehearsed: { value, policySlot: last.dryRunSlot ?? 0 } };
}

function dryRunPlan(
  auth: Rehearsed<AuthPlan> | undefined,
  authorization: Rehearsed<BuiltAuthorization> | undefined,
  validation: Rehearsed<ValidationPlan> | undefined,
): DryRunPlan | undefined {
  if (auth === undefined && authorization === undefined && validation === undefined) return undefined;
  return {
    auth: auth && { plan: auth.value, policySlot: auth.policySlot },
    authorization: authorization && { ...authorization.value, policySlot: authorization.policySlot },
    validation: validation && { plan: validation.value, policySlot: validation.policySlot },
  };
}

/** A service that is missing gets no copies. */
function joinMirror(
  { mirror }: BuiltRoute,
  serviceOf: (name: string) => BuiltService | undefined,
): MirrorPlan | undefined {
  const service = mirror && serviceOf(mirror.service);
  if (mirror === undefined || service === undefined) return undefined;
  return { service: service.plan, percent: mirror.percent, timeoutMs: service.timeoutMs };
}

function joinDestination(
  route: BuiltRoute,
  { service: name, weight }: BuiltDestination,
  service: BuiltService | undefined,
  own: { readonly timeoutMs: number | undefined; readonly retry: RetryPlan | undefined },
  serviceOf: (name: string) => BuiltService | undefined,
): DestinationPlan {
  const retry = own.retry ?? service?.retry;
  return {
    service: service?.plan ?? missingService(name),
    weight,
    timeoutMs: own.timeoutMs ?? service?.timeoutMs ?? 15_000,
    streamIdleTimeoutMs: route.streamIdleTimeoutMs ?? service?.streamIdleTimeoutMs ?? 60_000,
    maxDurationMs: route.maxDurationMs ?? service?.maxDurationMs ?? 0,
    retry,
    fallbacks: joinFallbacks(route, service, own, serviceOf),
    fallbackOn: retry ?? DEFAULT_RETRY,
  };
}

/** The chain of a service, without that of the services in it: a fallback has no further one. */
function joinFallbacks(
  route: BuiltRoute,
  service: BuiltService | undefined,
  own: { readonly timeoutMs: number | undefined; readonly retry: RetryPlan | undefined },
  serviceOf: (name: string) => BuiltService | undefined,
): readonly FallbackPlan[] {
  const joined: FallbackPlan[] = [];
  for (const fallback of service?.fallbacks ?? []) {
    if (fallback.kind !== 'service') joined.push(fallback);
    else {
      const other = serviceOf(fallback.service);
      if (other === undefined) continue;
      const last = { ...other, fallbacks: [] };
      const destination = joinDestination(route, { service: fallback.service, weight: 1 }, last, own, serviceOf);
      joined.push({ kind: 'service', destination });
    }
  }
  return joined;
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
    isDiscovered: false,
    balancer: { kind: 'leastRequest' },
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
