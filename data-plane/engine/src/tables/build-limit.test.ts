import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { RateLimitFail, RateLimitSchema, RateLimitScope } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { buildLimits, isByAddressAlone } from './build-limit.ts';
import type { SlotSource } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { LimitPlan } from './limit-plan.ts';

type LimitInit = MessageInitShape<typeof RateLimitSchema>;

const slots: SlotSource = { route: () => 0, service: () => 0, endpoint: () => 0, limit: () => 5, policy: () => 0 };
const perMinute = { seconds: 60n };
const tokenBucket = { case: 'tokenBucket' as const, value: { requests: 10, per: perMinute } };

function build(limit: LimitInit): LimitPlan {
  return buildLimits('Policy/p', [create(RateLimitSchema, { name: 'l', algorithm: tokenBucket, ...limit })], slots)[0]!;
}

test('a limit that says nothing more is one bucket for all, as big as its requests, at one token a request', () => {
  const { by, cost, applies, id, slot, bucket } = build({});
  expect({ by, cost, applies, id, slot }).toEqual({
    by: [{ kind: 'global' }],
    cost: 1,
    applies: undefined,
    id: 'Policy/p/l',
    slot: 5,
  });
  expect(bucket).toMatchObject({ requests: 10, perMs: 60_000, gcra: { burst: 10 } });
});

test.each<[LimitInit, LimitPlan['cluster']]>([
  [{}, undefined],
  [{ scope: RateLimitScope.NODE }, undefined],
  [{ scope: RateLimitScope.CLUSTER }, { failOpen: true }],
  [{ scope: RateLimitScope.CLUSTER, fail: RateLimitFail.OPEN }, { failOpen: true }],
  [{ scope: RateLimitScope.CLUSTER, fail: RateLimitFail.CLOSED }, { failOpen: false }],
])('%j holds for the cluster as %j', (limit, cluster) => {
  expect(build(limit).cluster).toEqual(cluster);
});

test('a sliding window admits its requests in any stretch of its time', () => {
  const { bucket } = build({ algorithm: { case: 'slidingWindow', value: { requests: 10, per: perMinute } } });
  expect(bucket).toEqual({
    id: 'Policy/p/l',
    slot: 5,
    algorithm: 'slidingWindow',
    requests: 10,
    perMs: 60_000,
    window: { requests: 10, perUs: 60e6, subUs: 1e6 },
  });
});

test.each<[readonly string[], boolean]>([
  [['clientIp'], true],
  [['clientIp', 'route'], false],
  [['consumer'], false],
  [['header:X-Team'], false],
  [[], false],
])('by %j: checked before anything else is known: %s', (by, expected) => {
  expect(isByAddressAlone(build({ by: [...by] }))).toBe(expected);
});

describe('a limit with conditions', () => {
  const path = (kind: 'exact' | 'prefix' | 'template' | 'regex', value: string) => ({
    path: { kind: { case: kind, value } },
  });
  test.each<[LimitInit['match'] & object, string, string, boolean]>([
    [{ methods: ['GET'] }, 'GET', '/', true],
    [{ methods: ['GET'] }, 'HEAD', '/', true],
    [{ methods: ['GET'] }, 'POST', '/', false],
    [path('exact', '/a'), 'GET', '/a', true],
    [path('exact', '/a'), 'GET', '/a/', false],
    [path('prefix', '/a'), 'GET', '/a', true],
    [path('prefix', '/a'), 'GET', '/a/b', true],
    [path('prefix', '/a'), 'GET', '/ab', false],
    [path('prefix', '/'), 'GET', '/ab', true],
    [path('template', '/a/{id}'), 'GET', '/a/1', true],
    [path('template', '/a/{id}'), 'GET', '/a/', false],
    [path('template', '/a/{id}'), 'GET', '/a/1/2', false],
    [path('regex', '/a[0-9]+'), 'GET', '/a12', true],
    [path('regex', '/a[0-9]+'), 'GET', '/a12/b', false],
    [{ ...path('prefix', '/a'), methods: ['POST'] }, 'GET', '/a', false],
  ])('%j takes %s %s: %s', (match, method, requestPath, expected) => {
    expect(build({ match }).applies!(method, requestPath)).toBe(expected);
  });
});

test.each<[string, LimitInit]>([
  ['no algorithm', { algorithm: { case: undefined } }],
  ['a window that admits nothing', { algorithm: { case: 'slidingWindow', value: { requests: 0, per: perMinute } } }],
  ['a bucket that never fills', { algorithm: { case: 'tokenBucket', value: { requests: 0, per: perMinute } } }],
  ['a bucket that fills at once', { algorithm: { case: 'tokenBucket', value: { requests: 1, per: {} } } }],
  ['a bucket without a time', { algorithm: { case: 'tokenBucket', value: { requests: 1 } } }],
  ['a failure of a later version', { scope: RateLimitScope.CLUSTER, fail: 99 as RateLimitFail }],
  ['a scope of a later version', { scope: 99 as RateLimitScope }],
  ['a part of a later version', { by: ['later:tenant'] }],
  ['a path that is none', { match: { path: { kind: { case: 'regex', value: '(' } } } }],
])('a limit with %s is not built', (_, limit) => {
  expect(() => build(limit)).toThrow(CannotBuild);
});
