/** How many connections the node takes, whichever of its workers they come to. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { forwardAll, type Gateway, listener, readMetric, startGateway } from '../harness/gateway.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const perClient = 7;
let origin: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = await startOrigin();
  gateway = await startGateway({
    node: { workers: 3, env: { SLUICE_FAULTS: 'crash-header=x-crash' } },
    manifest: `${listener({ connectionsPerClient: perClient })}---\n${forwardAll(origin.address)}`,
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

/** Of so many connections opened at once from one address, those that are served. */
async function served(count: number, localAddress: string): Promise<RawClient[]> {
  const clients = await Promise.all(
    Array.from({ length: count }, () => connectRaw(gateway.node.port, { localAddress })),
  );
  const isServed = await Promise.all(
    clients.map((client) =>
      client.request().then(
        ({ status }) => status === 200,
        () => false,
      ),
    ),
  );
  return clients.filter((_, n) => isServed[n]);
}

const workersReady = (count: number) =>
  waitFor(
    `${count} workers serve`,
    async () =>
      (JSON.parse((await gateway.node.admin('/__ready')).body) as { workersReady: number }).workersReady === count,
  );

test('a client has exactly its share over all workers, also after a worker that had some of it crashed', async () => {
  const { node } = gateway;
  const neighbours = await served(perClient, '127.0.0.8');
  expect(neighbours).toHaveLength(perClient);
  const held = await served(4 * perClient, '127.0.0.9');
  // Connections that come at the same moment may refuse each other, never are there too many.
  expect(held.length).toBeLessThanOrEqual(perClient);
  while (held.length < perClient) held.push(...(await served(1, '127.0.0.9')));
  for (let n = 0; n < 10; n++) expect(await served(1, '127.0.0.9')).toEqual([]);
  expect(await readMetric(node, 'gateway_overflow_total', 'what="client_connections"')).toBeGreaterThanOrEqual(10);

  const restarts = await readMetric(node, 'gateway_worker_restarts_total');
  held[0]!.send({ headers: { 'x-crash': '1' } });
  await held[0]!.closed;
  await waitFor('it is replaced', async () => (await readMetric(node, 'gateway_worker_restarts_total')) > restarts);
  await workersReady(3);
  const isLost = await Promise.all(held.map(async (client) => !client.isOpen() || !(await answers(client))));
  const left = held.filter((_, n) => !isLost[n]);
  expect(left.length).toBeLessThan(perClient);
  const again: RawClient[] = [];
  while (left.length + again.length < perClient) again.push(...(await served(1, '127.0.0.9')));
  for (let n = 0; n < 10; n++) expect(await served(1, '127.0.0.9')).toEqual([]);
  for (const client of [...neighbours, ...left, ...again]) client.reset();
});

const answers = (client: RawClient): Promise<boolean> =>
  client.request().then(
    ({ status }) => status === 200,
    () => false,
  );
