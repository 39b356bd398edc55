/** The response cache over the workers of a node: they share what they keep, fetch it once, and forget it together. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { gatewayctl, gatewayctlOk } from '../harness/gatewayctl.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let origin: Origin;
let run = 0;

beforeAll(async () => {
  controlPlane = stack.use(await startControlPlane());
  admin = stack.use(connectAdmin(controlPlane));
  origin = stack.use(await startOrigin());
  await admin.apply(`
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }], timeout: 5m }
---
kind: Route
name: r
spec: { match: [{ path: { prefix: / } }], service: s, cache: { ttl: 1h, tags: [products] } }`);
  const env = { SLUICE_FAULTS: 'crash-header=x-crash' };
  node = stack.use(await startNode({ controlPlane: controlPlane.url, workers: 2, env }));
});

beforeEach(() => {
  run++;
});

afterAll(() => stack.disposeAsync());

const asked = (): number => origin.requests.filter(({ target }) => target === `/${run}`).length;

/** The same request on so many connections, which the kernel spreads over the workers. */
async function askOn(connections: number): Promise<string[]> {
  const clients = await Promise.all(Array.from({ length: connections }, () => connectRaw(node.port)));
  const answers = await Promise.all(clients.map((client) => client.request({ target: `/${run}` }, 60_000)));
  for (const client of clients) client.end();
  return answers.map(({ body }) => body.toString());
}

test('one request goes to the service for all that come to any worker at once', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  origin.reply = async () => {
    await promise;
    return { status: 200, body: 'once' };
  };
  const answers = askOn(100);
  await waitFor('those who wait', async () => /cache_waits"\} 99$/m.test((await node.admin('/__metrics')).body));
  resolve();
  expect(new Set(await answers)).toEqual(new Set(['once']));
  expect(asked()).toBe(1);
  expect(new Set(await askOn(20))).toEqual(new Set(['once']));
  expect(asked()).toBe(1);
});

test('what is purged is served by no worker any longer, and each node says so', async () => {
  const options = { server: controlPlane.url };
  let number = 0;
  origin.reply = () => ({ status: 200, body: String(++number) });
  for (const [args, expected] of [
    [[], '1'],
    [['--route', 'r'], '2'],
    [['--tag', 'products'], '3'],
    [['--tag', 'others'], '3'],
  ] as const) {
    if (args.length > 0) expect(await gatewayctlOk(['cache', 'purge', ...args], options)).toBe('purged on n1\n');
    expect(new Set(await askOn(20))).toEqual(new Set([expected]));
  }
  const unknown = await gatewayctl(['cache', 'purge', '--route', 'nope'], options);
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no route nope on this node') });
  expect((await gatewayctl(['cache', 'purge'], options)).code).toBe(2);
});

test('a worker that dies while it fetches keeps nobody waiting', async () => {
  let number = 0;
  origin.reply = () => (++number === 1 ? new Promise(() => undefined) : { status: 200, body: 'after' });
  const leader = await connectRaw(node.port);
  const waiting = leader.request({ target: `/${run}` }, 60_000).catch(() => undefined);
  const [first] = await waitFor('the first', () => {
    const requests = origin.requests.filter(({ target }) => target === `/${run}`);
    return requests.length > 0 && requests;
  });
  await waitFor('the end of its worker', async () => {
    if (first?.aborted.aborted) return true;
    const client = await connectRaw(node.port);
    await client.request({ headers: { 'x-crash': '1' } }, 10_000).catch(() => undefined);
    return first?.aborted.aborted;
  });
  await waiting;
  // Far below the time that the route has.
  const answer = await waitFor('an answer', async () => (await askOn(1))[0], { deadlineMs: 60_000 });
  expect(answer).toBe('after');
});
