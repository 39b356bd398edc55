/** What two servers of other makes understand of what the gateway passes on is what it meant, request by request. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { readStrictly } from '../harness/strict-requests.ts';
import { arrivedOf, isOwn } from './arrivals.ts';
import { type Backend, startNginxBackend, startNodeBackend, startTap } from './backends.ts';
import { smugglingCorpus } from './corpus.ts';
import type { Arrived } from './judge.ts';
import { sendCorpus } from './send-corpus.ts';

const corpus = smugglingCorpus();
const backends: Readonly<Record<string, () => Promise<Backend>>> = { Node: startNodeBackend, nginx: startNginxBackend };

/** nginx serves no `*` and neither of these; both it answers itself. */
const notServed = (name: string, { method, target }: Arrived) =>
  name === 'nginx' && (target === '*' || /^(?:CONNECT|TRACE)$/.test(method));

describe.each(Object.keys(backends))('%s behind the gateway', (name) => {
  let backend: Backend;
  let tap: Awaited<ReturnType<typeof startTap>>;
  let gateway: Gateway;

  beforeAll(async () => {
    backend = await backends[name]!();
    tap = await startTap(backend.port);
    gateway = await startGateway({
      manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "127.0.0.1:${tap.port}" }] }
---
kind: Route
name: all
spec: { match: [{}], service: s }
`,
    });
  });

  afterAll(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await tap?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
  });

  test('counts and reads the requests that were forwarded, and no other', async () => {
    const outcomes = await sendCorpus(gateway.node.port, corpus, 'raw');
    const readings = tap.received().map((bytes) => readStrictly(bytes));
    expect(readings.flatMap(({ fault }) => fault ?? [])).toEqual([]);
    const sent = readings.flatMap(({ requests }) => requests.map(arrivedOf)).filter((one) => !notServed(name, one));
    const understood = await backend.understood();
    const list = (all: readonly Arrived[]) =>
      all
        .filter((one) => !isOwn(one))
        .map((one) => JSON.stringify([one.method, one.target, one.body]))
        .sort();
    expect(list(understood)).toEqual(list(sent));
    expect(list(understood).length).toBeGreaterThan(1500);
    const answered = outcomes.flatMap(({ statuses }) => statuses.filter((status) => status === 200));
    expect(answered).toHaveLength(list(understood).length);
  });
});
