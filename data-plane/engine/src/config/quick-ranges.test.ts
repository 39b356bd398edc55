import { create, fromJson } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import { type Resource, ResourceSchema } from '@sluice/proto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryResource } from '../manifest/testdata/arbitrary-resource.ts';
import { checkRanges, SURELY_KEPT } from './check-ranges.ts';
import { compileSurelyKept } from './quick-ranges.ts';

const validator = createValidator();
const isValid = (resource: Resource) => validator.validate(ResourceSchema, resource).kind === 'valid';
const resourceOf = (json: object) => fromJson(ResourceSchema, json as never);

test('what surely keeps the rules is valid, and nearly all that is valid surely does', () => {
  const counts = { valid: 0, sure: 0 };
  const named = arbitraryResource.map((resource) => create(ResourceSchema, { ...resource, name: 'a' } as never));
  fc.assert(
    fc.property(fc.oneof(named, arbitraryResource), fc.boolean(), (resource, plain) => {
      if (plain) Object.assign(resource, { labels: {}, nodeGroups: [] });
      const valid = isValid(resource);
      const sure = SURELY_KEPT(resource);
      expect(valid || !sure, JSON.stringify(resource.spec.case)).toBe(true);
      counts.valid += Number(valid);
      counts.sure += Number(sure);
    }),
    { numRuns: 3000 },
  );
  expect(counts.valid).toBeGreaterThan(20);
  expect(counts.sure).toBeGreaterThan(counts.valid * 0.8);
});

const service = { name: 's', service: { endpoints: [{ address: '10.0.0.1:80' }], timeout: '10s' } };
const route = {
  name: 'r',
  labels: { team: 'a' },
  nodeGroups: ['eu'],
  route: {
    hosts: ['a.example'],
    priority: 3,
    match: [{ path: { prefix: '/a' }, methods: ['GET'], headers: { 'x-a': { exact: 'b' } } }],
    service: 's',
    timeout: '3s',
    rateLimits: [{ name: 'l', by: ['consumer'], tokenBucket: { requests: 100, per: '60s' } }],
  },
};

test.each([service, route])('an ordinary resource is not left to the validator: $name', (json) => {
  expect(SURELY_KEPT(resourceOf(json))).toBe(true);
});

test.each([
  { ...service, name: 'S' },
  { ...service, name: '' },
  { ...service, labels: { '': 'a' } },
  { ...service, labels: { a: ' ' } },
  { ...service, nodeGroups: ['a', 'a'] },
  { ...service, service: {} },
  { ...service, service: { ...service.service, timeout: '0s' } },
  { ...service, service: { ...service.service, timeout: '86401s' } },
  { ...service, service: { ...service.service, timeout: '86400.000000001s' } },
  { ...service, service: { ...service.service, protocol: 99 } },
  { ...service, service: { ...service.service, timeout: '-1s' } },
  { ...route, route: { ...route.route, service: '' } },
  { ...route, route: { ...route.route, redirect: { host: 'b.example' } } },
  { ...route, route: { ...route.route, priority: 1_000_001 } },
  { ...route, route: { ...route.route, hosts: ['x'.repeat(256)] } },
  { name: 'nothing' },
])('what breaks a rule is left to the validator, which says which: %j', (json) => {
  const resource = resourceOf(json);
  expect(SURELY_KEPT(resource)).toBe(false);
  expect(isValid(resource)).toBe(false);
});

test('an expression that is not known in code leaves its message to the validator', () => {
  expect(compileSurelyKept(ResourceSchema)(resourceOf(service))).toBe(false);
});

test('what the validator says is told with the place and what is there', () => {
  const said = (json: object) => {
    const found: string[] = [];
    checkRanges(resourceOf(json), ({ field, message }) => found.push(`${field}: ${message}`));
    return found;
  };
  expect(said({ ...service, service: { ...service.service, protocol: 99 } })).toEqual([
    'spec.protocol: is a value that this version does not know, not 99',
  ]);
  expect(said({ ...route, route: { ...route.route, bodyBytes: { bytes: '9007199254740992' } } })).toEqual([
    'spec.bodyBytes: must be at most 9007199254740991B, not 9007199254740992',
  ]);
  expect(said({ ...service, service: { ...service.service, timeout: '-1s' } })).toEqual([
    'spec.timeout: must be 1ms to 1d, not -1s',
  ]);
  expect(said({ name: 'nothing' })).not.toEqual([]);
  expect(said(service)).toEqual([]);
});
