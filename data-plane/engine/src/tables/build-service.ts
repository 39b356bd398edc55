import {
  type CircuitBreaker,
  type Endpoint,
  type Fallback,
  HashAlgorithm,
  type LoadBalancing,
  type OutlierDetection,
  type Service,
  ServiceProtocol,
} from '@sluice/proto';
import { type BreakerPolicy, defaultBreakerPolicy } from '../decide/breaker.ts';
import { type HashAlgorithm as HashKind, hashTable } from '../decide/consistent-hash.ts';
import type { OutlierPolicy } from '../decide/outlier.ts';
import { buildDiscovery, type DiscoverySource } from './build-discovery.ts';
import { buildHashParts } from './build-hash-parts.ts';
import { buildHealthCheck } from './build-health-check.ts';
import { buildResponse } from './build-response.ts';
import { buildRetry } from './build-retry.ts';
import type { BuildContext } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { ResponsePlan } from './plan.ts';
import { durationMs } from './read-duration.ts';
import type { BalancerPlan, EndpointPlan, RetryPlan, ServicePlan } from './service-plan.ts';

/** A service, and what it says for routes that do not say it themselves. */
export interface BuiltService {
  readonly kind: 'Service';
  readonly name: string;
  readonly plan: ServicePlan;
  readonly timeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly maxDurationMs: number;
  readonly retry: RetryPlan | undefined;
  readonly fallbacks: readonly BuiltFallback[];
  /** Where its endpoints are found. Undefined: the plan has them. */
  readonly discovery: DiscoverySource | undefined;
}

type BuiltFallback =
  | { readonly kind: 'service'; readonly service: string }
  | { readonly kind: 'response'; readonly response: ResponsePlan }
  | { readonly kind: 'staleCache'; readonly maxAgeMs: number };

export function buildService(name: string, service: Service, { group, zone, slots }: BuildContext): BuiltService {
  if (service.protocol > ServiceProtocol.HTTP1)
    throw new CannotBuild(`protocol ${service.protocol} is not spoken by this version`);
  const { circuitBreaker: breaker } = service;
  const endpoints = service.endpoints
    .filter(({ nodeGroups }) => nodeGroups.length === 0 || nodeGroups.includes(group))
    .map((endpoint) => buildEndpoint(endpoint, slots.endpoint(name, endpoint.address)))
    .filter(({ weight }) => weight > 0);
  return {
    kind: 'Service',
    name,
    plan: {
      name,
      slot: slots.service(name),
      enabled: service.enabled ?? true,
      endpoints,
      isDiscovered: service.discovery !== undefined,
      balancer: buildBalancer(service.loadBalancing, endpoints),
      panicPercent: service.loadBalancing?.panicPercent ?? 50,
      healthCheck: service.healthCheck && buildHealthCheck(service.healthCheck),
      outliers: service.outlierDetection && buildOutliers(service.outlierDetection),
      slowStartMs: durationMs(service.loadBalancing?.slowStart, 0),
      preferredZone: service.loadBalancing?.zoneAware === true ? zone || undefined : undefined,
      breaker: breaker && buildBreaker(breaker),
      connectTimeoutMs: durationMs(service.connections?.connectTimeout, 2_000),
      idleTimeoutMs: durationMs(service.connections?.idleTimeout, 60_000),
      connectionsPerEndpoint: service.connections?.perEndpoint ?? 256,
      pendingRequests: service.connections?.pending ?? 1024,
      maxConcurrentRequests: service.maxConcurrentRequests ?? 0,
    },
    timeoutMs: durationMs(service.timeout, 15_000),
    streamIdleTimeoutMs: durationMs(service.streamIdleTimeout, 60_000),
    maxDurationMs: durationMs(service.maxDuration, 0),
    retry: service.retry && buildRetry(service.retry),
    fallbacks: service.fallback.map(buildFallback),
    discovery: service.discovery && buildDiscovery(service.discovery),
  };
}

/** A service whose endpoints are found, with those that were. */
export function withEndpoints(service: BuiltService, endpoints: readonly EndpointPlan[]): BuiltService {
  const { balancer } = service.plan;
  const rebuilt: BalancerPlan =
    balancer.kind === 'consistentHash' ? { ...balancer, table: hashTable(endpoints, balancer.algorithm) } : balancer;
  return { ...service, plan: { ...service.plan, endpoints, balancer: rebuilt } };
}

/** By failures in a row unless only an error rate is given. */
function buildBreaker({ consecutiveFailures, errorRate, openFor, halfOpenRequests }: CircuitBreaker): BreakerPolicy {
  return {
    consecutiveFailures:
      consecutiveFailures ?? (errorRate === undefined ? defaultBreakerPolicy.consecutiveFailures : 0),
    ...(errorRate !== undefined && {
      errorRate: {
        percent: errorRate.percent,
        windowMs: durationMs(errorRate.window, 10_000),
        minimumRequests: errorRate.minimumRequests ?? 20,
      },
    }),
    openForMs: durationMs(openFor, defaultBreakerPolicy.openForMs),
    halfOpenRequests: halfOpenRequests ?? defaultBreakerPolicy.halfOpenRequests,
  };
}

function buildFallback({ answer }: Fallback): BuiltFallback {
  switch (answer.case) {
    case 'service':
      return { kind: 'service', service: answer.value };
    case 'response':
      return { kind: 'response', response: buildResponse(answer.value) };
    case 'staleCache':
      return { kind: 'staleCache', maxAgeMs: durationMs(answer.value.maxAge, 600_000) };
    case undefined:
      throw new CannotBuild('a fallback of this kind is not known to this version of the node');
    default:
      return answer satisfies never;
  }
}

function buildOutliers({ consecutiveFailures, baseEjection, maxEjectedPercent }: OutlierDetection): OutlierPolicy {
  return {
    consecutiveFailures: consecutiveFailures ?? 5,
    baseEjectionMs: durationMs(baseEjection, 30_000),
    maxEjectedPercent: maxEjectedPercent ?? 50,
  };
}

function buildBalancer(loadBalancing: LoadBalancing | undefined, endpoints: readonly EndpointPlan[]): BalancerPlan {
  const algorithm = loadBalancing?.algorithm;
  switch (algorithm?.case) {
    case undefined:
      return { kind: 'leastRequest' };
    case 'roundRobin':
    case 'leastRequest':
    case 'random':
      return { kind: algorithm.case };
    case 'consistentHash': {
      const { by, algorithm: hash } = algorithm.value;
      const kind: HashKind = hash === HashAlgorithm.MAGLEV ? 'maglev' : 'ring';
      return { kind: 'consistentHash', by: buildHashParts(by), algorithm: kind, table: hashTable(endpoints, kind) };
    }
    default:
      return algorithm satisfies never;
  }
}

function buildEndpoint({ address, weight, zone }: Endpoint, slot: number): EndpointPlan {
  return { address, ...splitEndpoint(address), weight: weight ?? 1, zone, priority: 0, slot };
}

/** The host, without brackets, and the port of HOST:PORT. */
export function splitEndpoint(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (!(port >= 1 && port <= 65535)) throw new CannotBuild(`endpoint ${address} has no valid port`);
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port };
}
