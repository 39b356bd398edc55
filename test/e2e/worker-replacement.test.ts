/** Workers that are replaced while they are well finish what they have; one that is not well takes nobody with it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { forwardAll, readMetric } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, type NodeOptions, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let origin: Origin;
let release: () => void;

beforeAll(async () => {
  controlPlane = stack.use(await startControlPlane());
  origin = stack.use(await startOrigin());
  admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(manifest('start'));
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

function manifest(state: string): string {
  return forwardAll(origin.address, { timeout: '30s', responseHeaders: { set: { 'x-state': state } } });
}

const start = (options: Partial<NodeOptions> = {}): Promise<Node> =>
  startNode({ controlPlane: controlPlane.url, ...options });

const restarts = (node: Node): Promise<number> => readMetric(node, 'gateway_worker_restarts_total');

async function get(node: Node, target = '/x') {
  await using client = await connectRaw(node.port);
  return await client.request({ target });
}

test('SIGUSR2 replaces all workers under load, and no request fails', async () => {
  await using node = await start();
  await using load = startLoad({
    port: node.port,
    connections: 12,
    rate: 300,
    request: (n) => (n % 5 === 0 ? { method: 'POST', target: '/r', body: 'once' } : { target: '/r' }),
    check: ({ status }) => (status === 200 ? undefined : `status ${status}`),
  });
  await using slow = await connectRaw(node.port);
  slow.send({ target: '/held' });
  await waitFor('it is on its way', async () => (await readMetric(node, 'gateway_active_requests')) >= 1);
  for (let round = 1; round <= 2; round++) {
    await load.waitForRequests(100);
    const left = (): number => node.process().output().split('worker has left').length - 1;
    const before = left();
    node.process().signal('SIGUSR2');
    await waitFor(
      'a first worker has left or only waits for the request it has',
      async () => left() > before || round === 1,
    );
    if (round === 1) {
      await load.waitForRequests(200);
      release();
      const answer = await slow.read();
      expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    }
    await waitFor('both workers have left', () => left() === before + 2, { deadlineMs: 30_000 });
    expect(await restarts(node)).toBe(2 * round);
  }
  await load.waitForRequests(100);
  expect(await node.isReady()).toBe(true);
  const { failures, reconnects } = await load.stop();
  expect(failures).toEqual([]);
  expect(reconnects).toBeGreaterThanOrEqual(2 * 12);
  expect(node.process().output()).not.toContain('requests cut');
  await waitFor('no connection is counted that is not there', async () => {
    return (await readMetric(node, 'gateway_active_connections')) === 0;
  });
});

test('a worker that does not build a change in time finishes its requests, and the change does not wait for it', async () => {
  await using node = await start({ env: { SLUICE_FAULTS: 'delay-stage=0:6000' }, wait: 'alive' });
  await node.waitUntilReady(30_000);
  const clients = await Promise.all(Array.from({ length: 16 }, () => connectRaw(node.port)));
  for (const client of clients) client.send({ target: '/held' });
  await waitFor('all are on their way', async () => (await readMetric(node, 'gateway_active_requests')) === 16);
  const before = await restarts(node);
  await admin.applyActive(manifest('later'));
  expect(node.process().output()).toMatch(/did not build a change in time.* finishes=true/);
  await waitFor('its successor serves', async () => (await restarts(node)) === before + 1 && (await node.isReady()));
  for (let n = 0; n < 20; n++) expect((await get(node)).header('x-state')).toBe('later');
  expect(clients.every((client) => client.isOpen())).toBe(true);
  release();
  for (const client of clients) {
    const { status, body } = await client.read();
    expect([status, body.toString()]).toEqual([200, 'ok']);
    await client[Symbol.asyncDispose]();
  }
});

test('a worker that crashes again and again is started less and less often, and the other serves', async () => {
  await using node = await start({ env: { SLUICE_FAULTS: 'crash-at-start=1' }, wait: 'alive' });
  await waitFor('the other serves', async () => (await get(node)).status === 200, { deadlineMs: 20_000 });
  await using load = startLoad({ port: node.port, connections: 4, rate: 50, request: () => ({ target: '/r' }) });
  await node.process().line(/starting its successor worker=1 inMs=1000/, 30_000);
  // 0, 0, 25, 50, 100, 200, 400, 800 and 1000 ms.
  const before = await restarts(node);
  expect(before).toBeLessThanOrEqual(10);
  await load.waitForRequests(100);
  expect((await restarts(node)) - before).toBeLessThanOrEqual(3);
  expect((await load.stop()).failures).toEqual([]);
  expect((await node.admin('/__health')).status).toBe(200);
});

test('a process that stood still as a whole blames none of its workers', async () => {
  await using node = await start();
  await using client = await connectRaw(node.port);
  await client.request({ target: '/x' });
  node.pause();
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, 6_500);
  await promise;
  node.resume();
  expect((await client.request({ target: '/x' })).status).toBe(200);
  await waitFor('it says so itself', () => node.isReady());
  expect(await restarts(node)).toBe(0);
});

test('where the platform has no reusePort there is one worker, said so, and a takeover is refused', async () => {
  const env = { SLUICE_FAULTS: 'no-reuse-port' };
  await using node = await start({ env });
  expect(node.process().output()).toMatch(/no reusePort: one worker wanted=2/);
  expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({ workers: 1, workersReady: 1 });
  node.process().signal('SIGUSR2');
  await waitFor('its worker is replaced', async () => (await restarts(node)) === 1 && (await node.isReady()));
  expect((await get(node)).status).toBe(200);
  const refused = start({ id: 'beside', port: node.port, args: ['--takeover'], env });
  await expect(refused).rejects.toThrow(/this platform has no reusePort, which --takeover needs/);
});
