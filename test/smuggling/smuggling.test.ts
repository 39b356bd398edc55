/** Thousands of hostile requests: each is refused and its connection closed, or reaches the origin with one meaning. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { watchOrigin } from '../harness/watch-origin.ts';
import { arrivedOf, isOwn } from './arrivals.ts';
import { smugglingCorpus } from './corpus.ts';
import { type Arrived, judge } from './judge.ts';
import type { Mode } from './send-case.ts';
import { sendCorpus } from './send-corpus.ts';

const corpus = smugglingCorpus();
let origin: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = await startOrigin(({ target }) => ({ headers: { 'x-target': target } }));
  gateway = await startGateway({
    manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Route
name: all
spec: { match: [{}], service: s }
`,
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

/** What the origin's connections have brought since this was called: faults, and requests by the case they belong to. */
function watch(): () => { faults: readonly string[]; smuggled: string[]; arrived: Map<string, Arrived[]> } {
  const seen = watchOrigin(origin);
  return () => {
    const { requests: all, faults } = seen();
    const requests = all.map(arrivedOf).filter((one) => !isOwn(one));
    return {
      faults,
      smuggled: requests.map(({ target }) => target).filter((target) => target.startsWith('/h/')),
      arrived: Map.groupBy(requests, ({ id }) => id),
    };
  };
}

test('there are thousands of them, of both kinds, no two the same', () => {
  expect(corpus.length).toBeGreaterThan(5000);
  expect(corpus.filter(({ verdict }) => verdict === 'refused').length).toBeGreaterThan(1500);
  expect(corpus.filter(({ verdict }) => verdict === 'forwarded').length).toBeGreaterThan(1000);
  expect(new Set(corpus.map(({ bytes }) => bytes)).size).toBe(corpus.length);
});

describe('what clients send is refused, or forwarded with one meaning', () => {
  test.each<readonly [mode: Mode, how: string]>([
    ['raw', 'in one piece'],
    ['split', 'cut at hostile points'],
    ['behind', 'pipelined behind a clean request'],
  ])('%s: %s', async (mode) => {
    const seen = watch();
    const outcomes = await sendCorpus(gateway.node.port, corpus, mode);
    const { faults, smuggled, arrived } = seen();
    expect({ faults, smuggled }).toEqual({ faults: [], smuggled: [] });
    const wrong = corpus.flatMap((one, index) => {
      const outcome = outcomes[index]!;
      const message = judge(one, outcome, arrived.get(outcome.id) ?? []);
      return message === undefined ? [] : [`${one.name} (${outcome.id}): ${message}`];
    });
    expect(wrong).toEqual([]);
    const waiting = outcomes.filter(({ ended }) => ended === 'waiting');
    expect(waiting.length, 'messages that are not whole').toBeLessThan(60);
    expect([...arrived.keys()].filter((id) => !/^\d{5}$/.test(id))).toEqual([]);
  });
});
