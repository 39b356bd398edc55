import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOrigin } from '../harness/origin.ts';
import { type Case, cases } from './cases.ts';
import { measureOpenLoop } from './open-loop/run.ts';
import type { PolicyCost } from './policies/costs.ts';
import { runCase } from './run-case.ts';

/** Cases as they are run, with a short round and few routes: that they can be, not what they measure. */

const options = { rounds: { count: 1, seconds: 1, warmUpSeconds: 1 }, quick: true };

test('Sluice and HAProxy refuse and forward the same tokens, and both are measured with tokens never seen before', async () => {
  const one = findCase('jwt-fresh');
  if (one.kind !== 'proxy') throw new Error('another kind of case');
  const candidates = one.candidates.map((spec) => ({
    ...spec,
    workload: { ...spec.workload, routes: 6, hotRoutes: 6, consumers: 2 },
  }));
  const result = await runCase({ ...one, candidates, connections: 4 }, options);
  expect(result.problems).toEqual([]);
  expect(result.candidates.map(({ name, samples }) => [name, samples.length, samples[0]!.errors])).toEqual([
    ['sluice', 1, 0],
    ['haproxy, jwt', 1, 0],
  ]);
  for (const { samples } of result.candidates) expect(samples[0]!.cpuUs).toBeGreaterThan(0);
  expect(result.figures.map(({ text }) => text)).toEqual(['all policies, every token new']);
});

test('three times what a worker can do is offered, and what it answers is counted', async () => {
  const result = await runCase(findCase('overload'), options);
  expect(result.problems).toEqual([]);
  expect(result.figures.map(({ of }) => of)).toEqual(['3 times the requests', '3 times the connections', '2 s later']);
});

test('what a policy adds is measured beside a route without it, and policies whose requests fail are left out', async () => {
  const one = findCase('policy-costs');
  if (one.kind !== 'costs') throw new Error('another kind of case');
  const costs: readonly PolicyCost[] = [
    ...one.costs.filter(({ name }) => name.startsWith('validation.requestSchema, 1 KiB, ')),
    { name: 'refusing', ask: 'body', route: 'validation: { contentTypes: [text/plain] }' },
  ];
  const result = await runCase({ ...one, costs }, { ...options, rounds: { ...options.rounds, count: -1 } });
  expect(result.problems).toEqual([]);
  expect(result.rows.map(({ what, unit }) => [what, unit])).toEqual([
    ['validation.requestSchema, 1 KiB, dryRun', 'us'],
  ]);
  expect(result.notes).toContain('not measured, as requests failed: refusing');
});

test('a case that cannot be run is a result with the reason', async () => {
  const one = findCase('gateways');
  if (one.kind !== 'proxy') throw new Error('another kind of case');
  const result = await runCase({ ...one, candidates: [] }, options);
  expect(result.problems).toEqual(['no proxy of this case is installed']);
  expect(result.figures).toEqual([]);
});

describe('the open-loop load', () => {
  const dir = mkdtempSync(join(tmpdir(), 'bench-'));
  const requestsFile = join(dir, 'requests');
  beforeAll(() => writeFileSync(requestsFile, 'GET /a -\nGET /b x-api-key: k\n'));
  afterAll(() => rmSync(dir, { recursive: true }));

  test('sends the requests of the file in turn at the rate, whatever becomes of them', async () => {
    await using origin = await startOrigin((request) => ({ status: request.target === '/a' ? 200 : 503 }));
    const sample = await measureOpenLoop(origin.port, {
      requestsFile,
      perSecond: 200,
      seconds: 1,
      connections: 8,
      seed: 1,
    });
    const sent = origin.requests.length;
    expect(sent).toBeGreaterThan(150);
    expect(sent).toBeLessThan(250);
    expect(sample.errors).toBe(Math.floor(sent / 2));
    expect(origin.requests.slice(0, 4).map(({ target }) => target)).toEqual(['/a', '/b', '/a', '/b']);
  });

  test('counts the time a request waits for a connection', async () => {
    await using origin = await startOrigin(async () => {
      // How long the origin takes; the load is made of it.
      await delay(20);
      return {};
    });
    // One connection answers 50 in a second, 100 are due: the last of them wait for a second.
    const sample = await measureOpenLoop(origin.port, {
      requestsFile,
      perSecond: 100,
      seconds: 1,
      connections: 1,
      seed: 1,
    });
    expect(sample.errors).toBe(0);
    expect(sample.p99Ms).toBeGreaterThan(200);
  });
});

function findCase(name: string): Case {
  return cases.find((one) => one.name === name)!;
}
