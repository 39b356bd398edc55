/** What a node may open to an endpoint is one cap for all its workers, whoever of them dies. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const CAP = 4;
const stack = new AsyncDisposableStack();
let origin: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = stack.use(await startOrigin());
  gateway = stack.use(
    await startGateway({
      manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }], connections: { perEndpoint: ${CAP}, pending: 64 } }
---
kind: Route
name: all
spec: { match: [{ path: { prefix: / } }], service: s, timeout: 30s }
`,
      node: { workers: 3, env: { SLUICE_FAULTS: 'crash-header=x-crash' } },
    }),
  );
});

afterAll(() => stack.disposeAsync());

beforeEach(() => {
  origin.requests.length = 0;
});

const pending = (): Promise<number> => readMetric(gateway.node, 'gateway_upstream_pending');
const connections = (): Promise<number> => readMetric(gateway.node, 'gateway_upstream_connections');

/** Has the origin hold every request until it is released. */
function hold(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  origin.reply = async () => {
    await promise;
    return { body: 'ok' };
  };
  return resolve;
}

test('three workers under load send no more at once than the cap, and every request is answered', async () => {
  let [now, most] = [0, 0];
  origin.reply = async () => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now--;
    return { body: 'ok' };
  };
  const report = await startLoad({ port: gateway.node.port, connections: 32, total: 3_000 }).done;
  expect(report.failures).toEqual([]);
  expect(report.statuses).toEqual({ 200: 3_000 });
  expect(most).toBe(CAP);
  expect(await pending()).toBe(0);
});

test('pending is one bound for all workers: n wait, n+1 is refused, and all who wait are answered', async () => {
  const release = hold();
  const clients: RawClient[] = [];
  for (let n = 0; n < CAP + 64; n++) {
    const client = await connectRaw(gateway.node.port);
    client.send({});
    clients.push(client);
  }
  await waitFor('all wait', async () => (await pending()) === 64);
  expect(origin.requests).toHaveLength(CAP);
  for (let n = 0; n < 10; n++) {
    await using client = await connectRaw(gateway.node.port);
    const { status, body } = await client.request({});
    expect([status, JSON.parse(body.toString()).type]).toEqual([503, 'urn:sluice:problem:overloaded']);
  }
  expect(await readMetric(gateway.node, 'gateway_overflow_total', 'what="pending"')).toBe(10);
  release();
  const answers = await Promise.all(clients.map((client) => client.read()));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  for (const client of clients) client.end();
});

test('clients that leave the queue leave nothing, and a worker that dies gives up what it had and who waited there', async () => {
  const release = hold();
  const clients = await Promise.all(Array.from({ length: 40 }, () => connectRaw(gateway.node.port)));
  for (const client of clients) client.send({});
  await waitFor('36 wait', async () => (await pending()) === 36);
  const before = await readMetric(gateway.node, 'gateway_worker_restarts_total');
  const crashing = await connectRaw(gateway.node.port);
  crashing.send({ headers: { 'x-crash': '1' } });
  await crashing.closed;
  await waitFor(
    'a worker ended',
    async () => (await readMetric(gateway.node, 'gateway_worker_restarts_total')) > before,
  );
  let left = clients;
  await waitFor('those of the others run or wait', async () => {
    left = clients.filter((client) => client.isOpen());
    const running = await connections();
    return running === Math.min(CAP, left.length) && running + (await pending()) === left.length;
  });
  for (const client of left.slice(0, left.length / 2)) client.reset();
  const stay = left.slice(left.length / 2);
  await waitFor(
    'only who stays is left',
    async () => (await readMetric(gateway.node, 'gateway_active_requests')) === stay.length,
  );
  release();
  const answers = await Promise.all(stay.map((client) => client.read()));
  expect(answers.map(({ status }) => status)).toEqual(stay.map(() => 200));
  for (const client of stay) client.end();
  expect(await pending()).toBe(0);
  expect(await connections()).toBeLessThanOrEqual(CAP);
});
