import type { Policy, Service } from '@sluice/proto';
import { describe, expect, test } from 'vitest';
import { parseManifests } from '../manifest/parse-manifests.ts';
import { effectiveRoute } from './effective-route.ts';

const { documents } = parseManifests(
  `
kind: Policy
name: base
spec:
  auth: { anyOf: [{ apiKey: {} }] }
  timeout: 2s
  requestHeaders: { set: { x-a: base } }
  rateLimits:
    - { name: one, tokenBucket: { requests: 1, per: 1s } }
    - { name: two, tokenBucket: { requests: 1, per: 1s } }
---
kind: Policy
name: open
spec:
  none: [auth]
  requestHeaders: { remove: [x-b] }
  rateLimits: [{ name: two, tokenBucket: { requests: 2, per: 1s } }]
---
kind: Policy
name: tried
spec:
  mode: dryRun
  auth: { anyOf: [{ apiKey: { query: k } }] }
  authorization: { groups: { anyOf: [staff] } }
  timeout: 3s
  rateLimits:
    - { name: one, tokenBucket: { requests: 7, per: 1s } }
    - { name: three, tokenBucket: { requests: 8, per: 1s } }
---
kind: Route
name: rehearsing
spec:
  service: s
  policies: [base, tried]
  authorization: { groups: { anyOf: [boss] } }
  rateLimits: [{ name: three, tokenBucket: { requests: 3, per: 1s } }]
---
kind: Service
name: s
spec:
  endpoints: [{ address: "127.0.0.1:80" }]
  retry: { attempts: 1 }
  timeout: 9s
  maxDuration: 1h
---
kind: Route
name: r
spec:
  match: [{ path: { prefix: /a } }]
  service: s
  policies: [base, open]
  requestHeaders: { set: { x-a: route } }
  rateLimits: [{ name: three, tokenBucket: { requests: 3, per: 1s } }]
---
kind: Route
name: bare
spec: { service: s, policies: [base], none: [rateLimits, requestHeaders], timeout: 1s, streamIdleTimeout: 5s }
`,
  { file: 'x.yaml' },
);

const find = (kind: string, name: string) =>
  documents.find((each) => each.kind === kind && each.name === name)!.resource;
const policies = (name: string) => find('Policy', name).spec.value as Policy;
const service = find('Service', 's').spec.value as Service;

describe('what holds for a route', () => {
  test('comes from its policies in order, then from itself, then from its service', () => {
    const bucket = (name: string, requests: number) => ({ name, tokenBucket: { requests, per: '1s' } });
    expect(effectiveRoute(find('Route', 'r'), policies, service)).toEqual([
      { field: 'match', value: [{ path: { prefix: '/a' } }], origin: 'Route/r' },
      { field: 'service', value: 's', origin: 'Route/r' },
      { field: 'policies', value: ['base', 'open'], origin: 'Route/r' },
      { field: 'rateLimits', value: bucket('one', 1), origin: 'Policy/base' },
      { field: 'rateLimits', value: bucket('two', 2), origin: 'Policy/open' },
      { field: 'rateLimits', value: bucket('three', 3), origin: 'Route/r' },
      { field: 'requestHeaders', value: { set: { 'x-a': 'base' } }, origin: 'Policy/base' },
      { field: 'requestHeaders', value: { remove: ['x-b'] }, origin: 'Policy/open' },
      { field: 'requestHeaders', value: { set: { 'x-a': 'route' } }, origin: 'Route/r' },
      { field: 'timeout', value: '2s', origin: 'Policy/base' },
      { field: 'retry', value: { attempts: 1 }, origin: 'Service/s' },
      { field: 'streamIdleTimeout', value: '1m', origin: 'default' },
      { field: 'maxDuration', value: '1h', origin: 'Service/s' },
    ]);
  });

  test('is what is enforced, and beside it what a dry run says', () => {
    const fields = effectiveRoute(find('Route', 'rehearsing'), policies);
    const limit = (value: unknown) => (value as { name?: string }).name ?? '';
    expect(
      fields.map(({ field, value, origin, dryRun }) => `${field} ${limit(value)} ${origin}${dryRun ? ' dry' : ''}`),
    ).toEqual([
      'service  Route/rehearsing',
      'policies  Route/rehearsing',
      'auth  Policy/base',
      'auth  Policy/tried dry',
      'authorization  Route/rehearsing',
      'rateLimits one Policy/base',
      'rateLimits two Policy/base',
      'rateLimits one Policy/tried dry',
      'rateLimits three Route/rehearsing',
      'requestHeaders  Policy/base',
      'timeout  Policy/tried',
      'streamIdleTimeout  default',
    ]);
  });

  test('is without what `none` drops', () => {
    const fields = effectiveRoute(find('Route', 'bare'), policies);
    expect(fields.map(({ field, origin }) => `${field} ${origin}`)).toEqual([
      'service Route/bare',
      'policies Route/bare',
      'auth Policy/base',
      'timeout Route/bare',
      'streamIdleTimeout Route/bare',
    ]);
  });
});
