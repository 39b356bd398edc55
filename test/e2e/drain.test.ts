/** A node that is told to end finishes what it accepted; one that takes its place beside it loses no request. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { forwardAll, readMetric } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { type Node, type NodeOptions, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor, within } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let origin: Origin;
let release: () => void;

beforeAll(async () => {
  controlPlane = stack.use(await startControlPlane());
  origin = stack.use(await startOrigin());
  using admin = connectAdmin(controlPlane);
  await admin.apply(forwardAll(origin.address, { timeout: '30s' }));
});

afterAll(() => stack.disposeAsync());

beforeEach(() => {
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  origin.reply = async ({ target }) => {
    if (target.startsWith('/held')) await held.promise;
    return { body: 'ok' };
  };
});

const start = (options: Partial<NodeOptions> = {}): Promise<Node> =>
  startNode({ controlPlane: controlPlane.url, ...options });

async function refusesConnections({ port }: Node): Promise<boolean> {
  try {
    await using client = await connectRaw(port);
    return !client.isOpen();
  } catch {
    return true;
  }
}

describe('a node that gets SIGTERM', () => {
  test('accepts no more, finishes what it has, tells every client so, and ends with code 0', async () => {
    await using node = await start({ args: ['--drain-timeout', '8s'] });
    const used = await Promise.all(Array.from({ length: 10 }, () => connectRaw(node.port)));
    for (const client of used) await client.request({ target: '/idle' });
    const busy = await Promise.all(Array.from({ length: 10 }, () => connectRaw(node.port)));
    for (const client of busy) client.send({ target: '/held' });
    const uploading = await connectRaw(node.port);
    uploading.write('PUT /held HTTP/1.1\r\nhost: h\r\ncontent-length: 10\r\n\r\nhello');
    await waitFor('all are on their way', async () => (await readMetric(node, 'gateway_active_requests')) === 11);

    node.process().signal('SIGTERM');
    await waitFor('the node accepts no more', () => refusesConnections(node));
    expect((await node.admin('/__ready')).status).toBe(503);
    // On a connection that was idle a request may have been under way.
    const late = await used[0]!.request({ target: '/late' });
    expect([late.status, late.header('connection')]).toEqual([200, 'close']);
    used[0]!.end();
    for (const client of used.slice(1)) {
      expect(await client.closed).toBe('end');
      client.end();
    }
    expect(busy.every((client) => client.isOpen() && client.received().length === 0)).toBe(true);

    uploading.write('world');
    release();
    for (const client of [...busy, uploading]) {
      const answer = await client.read();
      expect([answer.status, answer.header('connection'), answer.body.toString()]).toEqual([200, 'close', 'ok']);
      expect(await client.closed).toBe('end');
      client.end();
    }
    expect(await within('it ends', node.process().exited)).toEqual({ code: 0, signal: null });
    expect(origin.requests.some(({ truncated }) => truncated)).toBe(false);
    for (const client of [...used, ...busy, uploading]) await client[Symbol.asyncDispose]();
  });

  test('goes on accepting for the delay it is given, says at once that it is not ready, and tells every client', async () => {
    await using node = await start({ args: ['--drain-delay', '3s', '--drain-timeout', '2s'] });
    await using used = await connectRaw(node.port);
    expect((await used.request({ target: '/before' })).header('connection')).toBeUndefined();
    node.process().signal('SIGTERM');
    await waitFor('it is not ready', async () => !(await node.isReady()));
    expect((await node.admin('/__health')).status).toBe(200);
    await waitFor('new clients are told', async () => {
      await using client = await connectRaw(node.port);
      const { status, header } = await client.request({ target: '/new' });
      return status === 200 && header('connection') === 'close';
    });
    // Its worker may be told a moment after the other.
    await waitFor('a client from before is told', async () => {
      return (await used.request({ target: '/after' })).header('connection') === 'close';
    });
    expect(await node.process().exited).toEqual({ code: 0, signal: null });
  });

  test('refuses a key that is revoked while it drains', async () => {
    using admin = connectAdmin(controlPlane);
    await admin.apply(`
kind: Consumer
name: c
spec: {}
---
kind: Route
name: keyed
spec: { match: [{ path: { prefix: /keyed } }], service: s, auth: { anyOf: [{ apiKey: {} }] } }
`);
    const secret = await admin.createKey('k', 'c');
    await using node = await start({ args: ['--drain-timeout', '20s'] });
    const headers = { 'x-api-key': secret };
    const clients = await Promise.all(Array.from({ length: 40 }, () => connectRaw(node.port)));
    for (const client of clients) expect((await client.request({ target: '/keyed', headers })).status).toBe(200);
    node.process().signal('SIGTERM');
    await waitFor('it drains', () => refusesConnections(node));
    expect((await clients[0]!.request({ target: '/keyed', headers })).status).toBe(200);
    await admin.keys.revokeKey({ name: 'k' });
    let next = 1;
    // Each connection is closed with its answer.
    await waitFor(
      'it is refused',
      async () => (await clients[next++]!.request({ target: '/keyed', headers })).status === 401,
      { everyMs: 400 },
    );
    for (const client of clients) client.end();
    expect(await node.process().exited).toEqual({ code: 0, signal: null });
  });

  test('cuts at the deadline what is not finished, says how much, and ends', async () => {
    await using node = await start({ args: ['--drain-timeout', '1s'] });
    await using client = await connectRaw(node.port);
    client.send({ target: '/held' });
    await waitFor('it is on its way', async () => (await readMetric(node, 'gateway_active_requests')) === 1);
    using clock = watchLostTime();
    node.process().signal('SIGTERM');
    expect(await client.closed).not.toBe('');
    expect(client.received()).toHaveLength(0);
    expect(clock.elapsedMs()).toBeGreaterThan(950);
    expect(await node.process().exited).toEqual({ code: 0, signal: null });
    expect(clock.elapsedMs()).toBeLessThan(clock.allow(3_000));
    expect(node.process().output()).toMatch(/requests cut at the end of draining worker=\d requests=1/);
  });

  test('ends at once at the second', async () => {
    await using node = await start();
    await using client = await connectRaw(node.port);
    client.send({ target: '/held' });
    await waitFor('it is on its way', async () => (await readMetric(node, 'gateway_active_requests')) === 1);
    node.process().signal('SIGTERM');
    await waitFor('it drains', () => refusesConnections(node));
    using clock = watchLostTime();
    node.process().signal('SIGTERM');
    expect(await node.process().exited).toEqual({ code: 1, signal: null });
    expect(clock.elapsedMs()).toBeLessThan(clock.allow(1_000));
  });
});

test('node after node takes the place of the one before it under load, and no request fails', async () => {
  let node = await start({ id: 'old' });
  const { port } = node;
  await using load = startLoad({
    port,
    connections: 12,
    rate: 400,
    request: (n) => (n % 5 === 0 ? { method: 'POST', target: '/r', body: 'once' } : { target: '/r' }),
    check: ({ status }) => (status === 200 ? undefined : `status ${status}`),
  });
  for (let generation = 1; generation <= 4; generation++) {
    await load.waitForRequests(100);
    const next = await start({ id: `new-${generation}`, port, args: ['--takeover'] });
    using clock = watchLostTime();
    node.process().signal('SIGTERM');
    expect(await node.process().exited).toEqual({ code: 0, signal: null });
    expect(clock.elapsedMs()).toBeLessThan(clock.allow(5_000));
    await node[Symbol.asyncDispose]();
    const before = await readMetric(next, 'gateway_requests_total');
    await load.waitForRequests(100);
    expect(await readMetric(next, 'gateway_requests_total')).toBeGreaterThanOrEqual(before + 100);
    node = next;
  }
  const { failures, requests, reconnects } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(800);
  expect(reconnects).toBeGreaterThanOrEqual(4 * 12);
  await node[Symbol.asyncDispose]();
});
