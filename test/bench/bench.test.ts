import { createHmac } from 'node:crypto';
import { Explainer } from '@sluice/engine';
import { ConfigIndex } from '@sluice/engine/config-index';
import { parseManifests } from '@sluice/engine/manifest';
import { describe, expect, test } from 'vitest';
import { type Bound, judge, median, quantile } from './figure.ts';
import { compareCoreTimes, parseCoreTimes } from './noise.ts';
import { measureAnswer } from './open-loop/connection.ts';
import { makeArrivals } from './open-loop/schedule.ts';
import { policyCosts, routesOf } from './policies/costs.ts';
import { formatCostsManifest, formatCostsRequests } from './policies/manifest.ts';
import { differenceOf } from './policies/run-policy-costs.ts';
import { formatCase } from './report.ts';
import { type CaseResult, formatResults, mergeResults } from './results.ts';
import { signFresh, signToken, tokenSecret } from './tokens.ts';
import { formatManifest, formatRequests, host, type Workload } from './workload.ts';

const workload: Workload = { routes: 6, hotRoutes: 3, consumers: 2, body: 'small' };

describe('the load', () => {
  test('asks for hot routes spread over all of them, with the credentials in turn', () => {
    const lines = formatRequests(workload, ['x: a', 'x: b']).trimEnd().split('\n');
    expect(lines).toEqual(['GET /api/r0/small x: a', 'GET /shop/r4/small x: b', 'GET /exact/r2/small x: a']);
  });

  test.each([10, 100, 1000, 100_000])('asks for each of %d routes once before any comes again', (routes) => {
    const lines = formatRequests({ ...workload, routes, hotRoutes: routes }, [])
      .trimEnd()
      .split('\n');
    expect(new Set(lines).size).toBe(routes);
  });

  test('signs tokens none of which comes twice, as their issuer would', () => {
    const fresh = signFresh(['c0', 'c1']);
    const tokens = Array.from({ length: 100 }, () => fresh.next().value);
    expect(new Set(tokens).size).toBe(100);
    const [head, payload, signature] = tokens[1]!.split('.');
    expect(signature).toBe(createHmac('sha256', tokenSecret).update(`${head}.${payload}`).digest('base64url'));
    expect(JSON.parse(Buffer.from(payload!, 'base64url').toString())).toMatchObject({ sub: 'c1', aud: 'bench' });
    expect(signToken({ sub: 'c0', jti: '1' }, 'other').split('.')[2]).not.toBe(
      signToken({ sub: 'c0', jti: '1' }).split('.')[2],
    );
  });

  test('of an open loop comes at random times at the given rate, the same for a seed', () => {
    const take = (seed: number) => makeArrivals(10_000, seed).take(20_000).toArray();
    const arrivals = take(1);
    expect(take(1)).toEqual(arrivals);
    expect(take(2)).not.toEqual(arrivals);
    expect(arrivals.at(-1)! / 2000).toBeCloseTo(1, 1);
    expect(arrivals.every((due, n) => due >= (arrivals[n - 1] ?? 0))).toBe(true);
  });

  test('of an open loop knows where an answer ends', () => {
    expect(measureAnswer('HTTP/1.1 200 OK\r\nContent-Le')).toBeUndefined();
    expect(measureAnswer('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab')).toBe(43);
  });
});

test('the manifest holds services, consumers, the policy and every route, and the issuer of tokens', () => {
  const countKinds = (one: Workload) => {
    const kinds = [...formatManifest(one, { main: 1, equality: 2 }).matchAll(/^kind: (\w+)$/gm)].map(
      ([, kind]) => kind,
    );
    return Object.fromEntries(
      Map.groupBy(kinds, (kind) => kind)
        .entries()
        .map(([kind, all]) => [kind, all.length]),
    );
  };
  expect(countKinds(workload)).toEqual({ Service: 2, Policy: 1, Consumer: 2, Route: 7 });
  expect(countKinds({ ...workload, credential: 'jwt' })).toEqual({
    Service: 2,
    Issuer: 1,
    Policy: 1,
    Consumer: 2,
    Route: 7,
  });
});

describe('what policies cost', () => {
  test('is measured on routes that a control plane takes, and asked of those routes', () => {
    const manifest = `${formatCostsManifest(policyCosts, 1)}---\nkind: Issuer\nname: bench\nspec: { issuer: x, algorithms: [HS256], secret: { inline: "${tokenSecret}" } }\n`;
    const { documents, problems } = parseManifests(manifest, { file: '' });
    expect(problems).toEqual([]);
    const index = ConfigIndex.empty();
    expect(index.check({ upserts: documents.map(({ resource }) => resource), removals: [] }).problems).toEqual([]);
    const routes = routesOf(policyCosts);
    const explainer = new Explainer(documents.map(({ resource }) => resource));
    routes.forEach(({ ask }, at) => {
      const [method = '', target = ''] = formatCostsRequests(ask, at, ['a: b']).split(' ');
      const { route } = explainer.decide({
        listener: 'http',
        method,
        host,
        target,
        headers: new Map(),
        address: '127.0.0.1',
        body: undefined,
        caller: undefined,
      });
      expect(route).toBe(`p${at}-0`);
    });
  });

  test('is the median of the differences of rounds', () => {
    const cost = { name: 'a', ask: 'nothing' } as const;
    const candidates = [
      { name: 'no policy', samples: [{ cpuUs: 10 }, { cpuUs: 20 }, { cpuUs: 30 }] },
      { name: 'a', samples: [{ cpuUs: 11 }, { cpuUs: 23 }, { cpuUs: 31.5 }] },
    ];
    expect(differenceOf(cost, candidates)).toEqual({ what: 'a', value: 1.5, unit: 'us', note: 'rounds 1.0 to 3.0' });
    expect(differenceOf(cost, candidates.slice(1))).toBeUndefined();
    expect(differenceOf(cost, candidates.slice(0, 1))).toBeUndefined();
  });
});

describe('a bound', () => {
  const candidates = [
    { name: 'sluice', samples: [{ cpuUs: 30 }, { cpuUs: 10 }, { cpuUs: 20 }] },
    { name: 'nginx', samples: [{ cpuUs: 10 }, { cpuUs: 10 }, { cpuUs: 16 }] },
  ];
  const bound: Bound = { text: 'x', of: 'sluice', against: 'nginx', measure: 'cpuUs', as: 'ratio', atMost: 2 };

  test('compares medians, and shows the lowest and highest round', () => {
    expect(judge(bound, candidates)).toMatchObject({ value: 2, lowest: 1, highest: 3, met: true });
    expect(judge({ ...bound, as: 'difference' }, candidates)).toMatchObject({
      value: 10,
      lowest: 0,
      highest: 20,
      met: false,
    });
    expect(judge({ ...bound, atMost: 1.99 }, candidates)?.met).toBe(false);
    expect(judge({ text: 'x', of: 'nginx', measure: 'cpuUs', as: 'value', atLeast: 10 }, candidates)).toMatchObject({
      value: 10,
      met: true,
    });
  });

  test('is not judged where one of the two was not measured', () => {
    expect(judge({ ...bound, against: 'haproxy' }, candidates)).toBeUndefined();
  });

  test('is printed below the medians with the verdict', () => {
    const text = formatCase({
      ...makeCase('bare'),
      candidates,
      figures: [judge({ ...bound, atMost: 1.5 }, candidates)!],
    });
    expect(text).toMatch(/^ {2}sluice +20\.0 +2\.00x$/m);
    expect(text).toMatch(/^ {2}MISSED +x +sluice against nginx +2\.00x +at most 1\.50x +rounds 1\.00x to 3\.00x$/m);
  });
});

test('cases not measured again stay in the results, in the order of the bench', () => {
  const machine = { processor: 'p', cores: 2, memoryGiB: 4, kernel: 'k', loadBefore: 0, versions: {} };
  const earlier = { machine, cases: [makeCase('a'), makeCase('c', 'old')] };
  const merged = mergeResults(earlier, { machine, cases: [makeCase('c', 'new'), makeCase('b')] }, ['a', 'b', 'c']);
  expect(merged.cases.map(({ name, commit }) => [name, commit])).toEqual([
    ['a', ''],
    ['b', ''],
    ['c', 'new'],
  ]);
  expect(JSON.parse(formatResults(merged))).toEqual(merged);
});

test('the noise of a round is what others did on the core and what the hypervisor took', () => {
  const before = parseCoreTimes(
    'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 0 10 100 0 0 5 1 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n',
    0,
  );
  const after = parseCoreTimes('cpu0 70 0 40 105 0 0 5 6 0 0\n', 0);
  expect(compareCoreTimes(before, after)).toEqual({ busyMs: 900, stealShare: 0.05 });
  expect(compareCoreTimes(undefined, after)).toBeUndefined();
});

test('the median and a quantile of few values', () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), quantile([1, 2, 3, 4], 0.99), quantile([5], 0)]).toEqual([
    2, 2.5, 4, 5,
  ]);
});

function makeCase(name: string, commit = ''): CaseResult {
  const rounds = { count: 3, seconds: 1, warmUpSeconds: 1 };
  const nothing = { figures: [], candidates: [], rows: [], problems: [], notes: [] };
  return { name, about: 'x', commit, measuredAt: '', tookSeconds: 1, rounds, ...nothing };
}
