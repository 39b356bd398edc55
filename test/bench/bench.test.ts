import { expect, test } from 'vitest';
import { formatProxyResult, median, quantile } from './report.ts';
import { formatManifest, formatRequests, type Workload } from './workload.ts';

const workload: Workload = { routes: 6, hotRoutes: 3, keys: 2, body: 'small' };

test('the load asks for hot routes spread over all of them, with the keys in turn', () => {
  const lines = formatRequests(workload, ['a', 'b']).trimEnd().split('\n');
  expect(lines).toEqual(['GET /api/r0/small a', 'GET /exact/r2/small b', 'GET /shop/r4/small a']);
});

test('the manifest holds services, consumers, the policy and every route', () => {
  const manifest = formatManifest(workload, { main: 1, equality: 2 });
  const kinds = [...manifest.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind);
  expect(
    Map.groupBy(kinds, (kind) => kind)
      .entries()
      .map(([kind, all]) => [kind, all.length])
      .toArray(),
  ).toEqual([
    ['Service', 2],
    ['Policy', 1],
    ['Consumer', 2],
    ['Route', 7],
  ]);
});

test('a result is shown as medians beside their ratio to nginx', () => {
  const sample = (cpuUs: number) => ({ requestsPerSecond: 1000, cpuUs, p50Ms: 1, p99Ms: 2, requests: 10, errors: 1 });
  const text = formatProxyResult({
    name: 'bare',
    about: 'x',
    candidates: [
      { name: 'sluice', samples: [sample(30), sample(10), sample(20)] },
      { name: 'nginx', samples: [sample(10), sample(10), sample(10)] },
    ],
    problems: [],
  });
  expect(text).toMatch(/^ {2}sluice +1000 +1\.00x +20\.0 +2\.00x +1\.00 +1\.00x +2\.00 +1\.00x +3$/m);
});

test('the median and a quantile of few values', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), quantile([1, 2, 3, 4], 0.99), quantile([5], 0)]).toEqual([
    2, 2.5, 4, 5,
  ]);
});
