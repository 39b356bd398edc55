import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type ServiceProtocol, ServiceSchema } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { buildService } from './build-service.ts';
import { CannotBuild } from './cannot-build.ts';

type ServiceInit = MessageInitShape<typeof ServiceSchema>;

function build(service: ServiceInit, group = 'default') {
  const endpoint = (name: string, address: string) => Number(`${name}${address.at(-1)}`);
  const slots = { route: () => 0, service: () => 7, endpoint, limit: () => 0, policy: () => 0 };
  return buildService('1', create(ServiceSchema, service), { group, slots });
}

test('what a service leaves out has its default', () => {
  expect(build({})).toEqual({
    kind: 'Service',
    name: '1',
    plan: {
      name: '1',
      slot: 7,
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
    },
    timeoutMs: 15_000,
    streamIdleTimeoutMs: 60_000,
    maxDurationMs: 0,
    retry: undefined,
    discovery: undefined,
    fallbacks: [],
  });
  expect(build({ circuitBreaker: {} }).plan.breaker).toEqual({
    consecutiveFailures: 5,
    openForMs: 30_000,
    halfOpenRequests: 3,
  });
});

test('a breaker by error rate counts no failures in a row unless it is told to', () => {
  const errorRate = { percent: 50 };
  const rate = { percent: 50, windowMs: 10_000, minimumRequests: 20 };
  const breakerOf = (circuitBreaker: object) => build({ circuitBreaker }).plan.breaker;
  expect(breakerOf({ errorRate })).toMatchObject({ consecutiveFailures: 0, errorRate: rate });
  expect(breakerOf({ errorRate, consecutiveFailures: 7 })).toMatchObject({ consecutiveFailures: 7, errorRate: rate });
});

test('a health check leaves out what it leaves out', () => {
  const checkOf = (probe: object) => build({ healthCheck: { probe } as never }).plan.healthCheck;
  const defaults = { intervalMs: 5_000, timeoutMs: 1_000, healthyAfter: 2, unhealthyAfter: 3 };
  expect(checkOf({ case: 'tcp', value: {} })).toEqual({ ...defaults, probe: { kind: 'tcp' } });
  expect(checkOf({ case: 'http', value: {} })).toEqual({
    ...defaults,
    probe: { kind: 'http', path: '/', statuses: [{ from: 200, to: 299 }] },
  });
  expect(checkOf({ case: 'http', value: { path: '/h', statuses: ['200', '301-308'] } })?.probe).toEqual({
    kind: 'http',
    path: '/h',
    statuses: [
      { from: 200, to: 200 },
      { from: 301, to: 308 },
    ],
  });
});

describe('the endpoints of a node', () => {
  const endpoints = [
    { address: '10.0.0.1:1' },
    { address: '[::1]:2', nodeGroups: ['eu', 'us'], weight: 3 },
    { address: 'host.internal:3', nodeGroups: ['eu'] },
    { address: '10.0.0.1:4', weight: 0 },
  ];
  test.each([
    ['default', ['10.0.0.1']],
    ['us', ['10.0.0.1', '::1']],
    ['eu', ['10.0.0.1', '::1', 'host.internal']],
  ])('in the group %s are those for it, and never those of weight 0', (group, hosts) => {
    expect(build({ endpoints }, group).plan.endpoints.map(({ host }) => host)).toEqual(hosts);
  });

  test('have a slot, a port and a weight', () => {
    expect(build({ endpoints }, 'us').plan.endpoints[1]).toEqual({
      address: '[::1]:2',
      host: '::1',
      port: 2,
      weight: 3,
      zone: '',
      priority: 0,
      slot: 12,
    });
  });
});

test.each<[string, ServiceInit]>([
  ['an endpoint without a port', { endpoints: [{ address: '10.0.0.1' }] }],
  ['an endpoint with a port that is none', { endpoints: [{ address: '10.0.0.1:65536' }] }],
  ['a protocol of a later version', { protocol: 99 as ServiceProtocol }],
])('a service with %s is not built', (_, service) => {
  expect(() => build(service)).toThrow(CannotBuild);
});
