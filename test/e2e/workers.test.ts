/** What workers share survives any of them: limits, breakers, gauges. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let origin: Origin;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  admin = connectAdmin(controlPlane);
  origin = await startOrigin();
  await admin.apply(`
kind: Service
name: steady
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Service
name: fragile
spec:
  endpoints: [{ address: "${origin.address}" }]
  circuitBreaker: { consecutiveFailures: 3, openFor: 400ms, halfOpenRequests: 5 }
  timeout: 20s
---
kind: Route
name: daily
spec:
  match: [{ path: { prefix: /daily } }]
  service: steady
  rateLimits: [{ name: day, tokenBucket: { requests: 1, per: 1d, burst: 1000 } }]
---
kind: Route
name: open
spec: { match: [{ path: { prefix: /open } }], service: steady }
---
kind: Route
name: fragile
spec: { match: [{ path: { prefix: /fragile } }], service: fragile }
`);
  node = await startNode({
    controlPlane: controlPlane.url,
    env: { SLUICE_FAULTS: 'crash-header=x-crash block-header=x-block no-thread=3' },
  });
});

afterAll(async () => {
  admin[Symbol.dispose]();
  await node[Symbol.asyncDispose]();
  await controlPlane[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

/** The sum of a metric's samples whose labels hold all of the given text. */
async function metric(name: string, labels = ''): Promise<number> {
  const { body } = await node.admin('/__metrics');
  return body
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

async function crashWorker(): Promise<void> {
  const before = await metric('gateway_worker_restarts_total');
  const client = await connectRaw(node.port);
  client.send({ target: '/open', headers: { 'x-crash': '1' } });
  await client.closed;
  await waitFor(
    'the worker is counted as restarted',
    async () => (await metric('gateway_worker_restarts_total')) > before,
  );
}

async function allWorkersServe(): Promise<void> {
  await waitFor(
    'all workers serve',
    async () => (JSON.parse((await node.admin('/__ready')).body) as { workersReady: number }).workersReady === 2,
  );
}

describe('what workers share', () => {
  test('one a day with a burst of 1,000 admits exactly 1,000 of 20,000, a worker restarted on the way', async () => {
    await using load = startLoad({
      port: node.port,
      connections: 16,
      total: 20_000,
      request: () => ({ target: '/daily' }),
    });
    await load.waitForRequests(600);
    await crashWorker();
    const report = await load.done;
    await allWorkersServe();
    const lost = Object.values(report.errors).reduce((sum, count) => sum + count, 0);
    expect(report.statuses['200']! + Math.min(lost, 16)).toBeGreaterThanOrEqual(1_000);
    expect(report.statuses['200']).toBeLessThanOrEqual(1_000);
    expect(lost).toBeLessThanOrEqual(16);
    expect(report.statuses['429']).toBe(20_000 - report.statuses['200']! - lost);
  });

  test('a worker whose thread cannot be made is tried again', async () => {
    await crashWorker();
    await node.waitUntilReady();
    // The first of all restarts of this node failed, as it was asked to.
    expect(node.process().output()).toMatch(
      /worker cannot be started worker=\d+ error="Error: no thread, as asked for"/,
    );
  });

  test('fifty crashes with a hundred requests in flight leave every gauge at zero, and the others serve on', async () => {
    let release: () => void = () => undefined;
    let held = new Promise<void>((resolve) => {
      release = resolve;
    });
    origin.reply = async ({ target }) => {
      if (target.startsWith('/open/slow')) await held;
      return { body: 'ok' };
    };
    for (let round = 0; round < 50; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => connectRaw(node.port)));
      for (const client of clients) client.send({ target: '/open/slow' });
      await waitFor('a hundred requests are in flight', async () => (await metric('gateway_active_requests')) >= 100, {
        everyMs: 5,
      });
      await crashWorker();
      const after = await connectRaw(node.port);
      expect((await after.request({ target: '/open' })).status).toBe(200);
      after.end();
      release();
      held = new Promise((resolve) => {
        release = resolve;
      });
      for (const client of clients) client.end();
      await Promise.all(clients.map(({ closed }) => closed));
      await allWorkersServe();
    }
    await waitFor('no request is in flight', async () => (await metric('gateway_active_requests')) === 0);
    await waitFor('no connection is open', async () => (await metric('gateway_active_connections')) === 0);
    release();
    origin.reply = () => ({ body: 'ok' });
  });

  test('crashes in half-open give the permits back, and the breaker still closes', async () => {
    const state = (): Promise<number> => metric('gateway_circuit_state', 'service="fragile"');
    const ask = async (): Promise<number> => {
      await using client = await connectRaw(node.port);
      return (await client.request({ target: '/fragile' })).status;
    };
    for (let round = 0; round < 5; round++) {
      origin.reply = () => ({ status: 503, body: '' });
      while ((await state()) !== 2) await ask();
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      origin.reply = async () => {
        await held;
        return { body: 'ok' };
      };
      const probes: Awaited<ReturnType<typeof connectRaw>>[] = [];
      await waitFor('all half-open permits are taken', async () => {
        const client = await connectRaw(node.port);
        client.send({ target: '/fragile' });
        probes.push(client);
        const { circuits } = JSON.parse((await node.admin('/__circuit')).body) as {
          circuits: { service: string; probesInFlight: number }[];
        };
        return circuits.find(({ service }) => service === 'fragile')!.probesInFlight === 5;
      });
      await crashWorker();
      release();
      for (const probe of probes) probe.end();
      await Promise.all(probes.map(({ closed }) => closed));
      origin.reply = () => ({ body: 'ok' });
      await waitFor('the breaker closes', async () => (await ask()) === 200 && (await state()) === 0, { everyMs: 20 });
      await allWorkersServe();
    }
  });

  test('a worker that is restarted changes no time of an open breaker', async () => {
    origin.reply = () => ({ status: 503, body: '' });
    const opensIn = async (): Promise<number> => {
      const { circuits } = JSON.parse((await node.admin('/__circuit')).body) as {
        circuits: { service: string; state: string; opensInMs: number }[];
      };
      return circuits.find(({ service }) => service === 'fragile')!.opensInMs;
    };
    await admin.applyActive(`
kind: Service
name: fragile
spec:
  endpoints: [{ address: "${origin.address}" }]
  circuitBreaker: { consecutiveFailures: 1, openFor: 1h, halfOpenRequests: 1 }
`);
    await waitFor('the breaker opens', async () => {
      await using client = await connectRaw(node.port);
      await client.request({ target: '/fragile' });
      return (await metric('gateway_circuit_state', 'service="fragile"')) === 2;
    });
    const before = await opensIn();
    const since = performance.now();
    await crashWorker();
    await allWorkersServe();
    const passed = performance.now() - since;
    expect(before - (await opensIn())).toBeGreaterThan(passed - 500);
    expect(before - (await opensIn())).toBeLessThan(passed + 500);
    origin.reply = () => ({ body: 'ok' });
  });

  test('a worker whose event loop stands still is replaced, and the others serve on meanwhile', async () => {
    const before = await metric('gateway_worker_restarts_total');
    const stuck = await connectRaw(node.port);
    stuck.send({ target: '/open', headers: { 'x-block': '60000' } });
    // Of many connections some are the other worker's.
    const clients = await Promise.all(Array.from({ length: 16 }, () => connectRaw(node.port)));
    for (const client of clients) client.send({ target: '/open' });
    await waitFor('the others serve', () => clients.filter((client) => client.received().length > 0).length > 1);
    expect(await metric('gateway_worker_restarts_total')).toBe(before);
    for (const client of clients) client.reset();
    await waitFor(
      'the stalled worker is replaced',
      async () => (await metric('gateway_worker_restarts_total')) > before,
      { deadlineMs: 20_000 },
    );
    await stuck.closed;
    await allWorkersServe();
    await using client = await connectRaw(node.port);
    expect((await client.request({ target: '/open' })).status).toBe(200);
  });
});
