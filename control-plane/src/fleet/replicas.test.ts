import {
  type CheckServicesResponse,
  EndpointState,
  FleetService,
  NodeState,
  type WaitForRevisionResponse,
} from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { afterEach, expect, it } from 'vitest';
import type { FleetOptions } from './fleet.ts';
import { type ServedFleet, serveFleet } from './testing/serve-fleet.ts';
import { TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const open: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Two replicas on one database, a node at each. The second replica never writes on. */
async function serveTwo(options: Pick<FleetOptions, 'commandTimeoutMs'> = {}) {
  const heartbeatIntervalMs = 100;
  const one = await serveFleet({ ...options, replicaId: 'replica-1', heartbeatIntervalMs });
  const two = await serveFleet({ ...options, replicaId: 'replica-2', heartbeatIntervalMs, database: one.database });
  open.push(
    () => one[Symbol.asyncDispose](),
    () => two[Symbol.asyncDispose](),
  );
  const nodes = [connect(one, 'n1'), connect(two, 'n2')] as const;
  return { one, two, nodes, client: createGrpcClient(FleetService, one.address) };
}

function connect(served: ServedFleet, id: string): TestNode {
  const node = new TestNode({ address: served.address, id, beatMs: 20 });
  open.push(() => node.close());
  return node;
}

/** Both replicas learn of a change, as by NOTIFY. */
function changeBoth(one: ServedFleet, two: ServedFleet, text: string): void {
  for (const served of [one, two]) served.change(served.config, { 'Route/a': text });
}

const summary = async (client: {
  listNodes: (r: object) => Promise<{ nodes: { nodeId: string; state: number; replicaId: string }[] }>;
}) => (await client.listNodes({})).nodes.map(({ nodeId, state, replicaId }) => [nodeId, state, replicaId]);

it('each replica lists the nodes of all', async () => {
  const { one, two, client } = await serveTwo();
  changeBoth(one, two, 'one');
  await until(async () => (await client.listNodes({})).nodes.every(({ state }) => state === NodeState.CURRENT));
  expect(await summary(client)).toEqual([
    ['n1', NodeState.CURRENT, 'replica-1'],
    ['n2', NodeState.CURRENT, 'replica-2'],
  ]);
});

it('a node that moves is shown where it is, and one whose replica died is shown as gone', async () => {
  const { two, nodes, client, one } = await serveTwo();
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  nodes[0].close();
  connect(two, 'n1');
  await until(async () => (await client.getNode({ nodeId: 'n1' })).node?.replicaId === 'replica-2');
  const row = one.database.rows.get('n2')!;
  await two[Symbol.asyncDispose]();
  // What it last wrote before it was killed.
  one.database.rows.set('n2', row);
  await until(async () => (await client.getNode({ nodeId: 'n2' })).node?.state === NodeState.DISCONNECTED);
  const { node } = await client.getNode({ nodeId: 'n2' });
  expect(node?.reason).toBe('control plane replica replica-2 no longer vouches for it');
});

it('waiting for a revision waits for the nodes of all', async () => {
  const { one, two, client } = await serveTwo();
  changeBoth(one, two, 'one');
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  one.change(one.config, { 'Route/a': 'two' });
  const seen: WaitForRevisionResponse[] = [];
  const waiting = (async () => {
    for await (const progress of client.waitForRevision({ revision: 2n })) seen.push(progress);
  })();
  await until(() => seen.some(({ active }) => active === 1));
  expect(seen.at(-1)!.waiting.map(({ nodeId }) => nodeId)).toEqual(['n2']);
  two.change(two.config, { 'Route/a': 'two' });
  await waiting;
  expect(seen.at(-1)).toMatchObject({ connected: 2, active: 2, done: true, waiting: [] });
});

it('waiting for a revision ends when its time is over, with those that are not there', async () => {
  const { one, two, client } = await serveTwo();
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  one.change(one.config, { 'Route/a': 'one' });
  expect(two.config.revision).toBe(0);
  const seen: WaitForRevisionResponse[] = [];
  const timeout = { seconds: 0n, nanos: 150_000_000 };
  for await (const progress of client.waitForRevision({ revision: 1n, timeout })) seen.push(progress);
  expect(seen.at(-1)).toMatchObject({ connected: 2, done: false, timedOut: true });
  expect(seen.at(-1)!.waiting.map(({ nodeId }) => nodeId)).toContain('n2');
});

/** Answers each command that a node gets, as it gets it. */
async function answerCommands(node: TestNode, error = ''): Promise<void> {
  await until(() => node.commands.length > 0);
  node.say({ case: 'commandResult', value: { commandId: node.commands[0]!.commandId, error } });
}

it('a command reaches nodes at every replica, and their answers come back', async () => {
  const { nodes, client } = await serveTwo();
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  const reset = client.resetBreaker({ service: 's' });
  await Promise.all([answerCommands(nodes[0]), answerCommands(nodes[1], 'there is no service s')]);
  expect(await reset).toMatchObject({
    nodeIds: ['n1'],
    failures: [{ nodeId: 'n2', reason: 'there is no service s' }],
  });
  expect(nodes.map(({ commands }) => commands.length)).toEqual([1, 1]);
});

it('what a node says of its services comes back, whatever replica it is connected to', async () => {
  const { nodes, client } = await serveTwo();
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  const answers = (async () => {
    const all: CheckServicesResponse[] = [];
    for await (const answer of client.checkServices({ service: 's' })) all.push(answer as CheckServicesResponse);
    return all;
  })();
  for (const node of nodes) {
    await until(() => node.commands.length > 0);
    const { commandId, command } = node.commands[0]!;
    expect(command).toMatchObject({ case: 'checkServices', value: { service: 's' } });
    const endpoints = [{ address: `${node.id}:80`, state: EndpointState.UNHEALTHY, probeFailure: 'status 500' }];
    node.say({ case: 'commandResult', value: { commandId, services: { services: [{ service: 's', endpoints }] } } });
  }
  expect(await answers).toMatchObject(
    ['n1', 'n2'].map((nodeId) => ({
      nodeId,
      ...{ group: 'default', failure: '' },
      report: { services: [{ service: 's', endpoints: [{ address: `${nodeId}:80`, probeFailure: 'status 500' }] }] },
    })),
  );
});

it('a node is adopted through whatever replica is asked', async () => {
  const { two, client } = await serveTwo();
  const diverged = new TestNode({ address: two.address, id: 'n3', beatMs: 20, hello: { historyId: 'another' } });
  open.push(() => diverged.close());
  await until(async () => (await client.listNodes({})).nodes.some(({ state }) => state === NodeState.DIVERGED));
  await client.adoptNode({ nodeId: 'n3' });
  await until(() => diverged.updates.some(({ last }) => last.forced));
  await expect(client.adoptNode({ nodeId: 'n2' })).rejects.toMatchObject({
    code: 'failed_precondition',
    rawMessage: 'node n2 was not adopted: it neither diverged nor refuses an update',
  });
});

it('a command finds a node that moves to another replica meanwhile', async () => {
  const { one, nodes, client } = await serveTwo();
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  const row = one.database.rows.get('n2')!;
  nodes[1].close();
  await until(() => !Buffer.from(one.database.rows.get('n2')!.state).equals(row.state));
  // As the other replica wrote it last before it lost the node.
  one.database.rows.set('n2', { ...row, lastSeenAt: new Date() });
  const reset = client.resetBreaker({ service: 's', nodeId: 'n2' });
  await until(() => one.database.commands.rows.length === 1);
  await answerCommands(connect(one, 'n2'));
  expect(await reset).toMatchObject({ nodeIds: ['n2'], failures: [] });
});

it('nodes of a replica that does not answer are reported in time, and its own are told all the same', async () => {
  const { one, nodes, client } = await serveTwo({ commandTimeoutMs: 300 });
  await until(async () => (await client.listNodes({})).nodes.length === 2);
  const elsewhere = 'it is connected to control plane replica replica-2, which is reached through the database';

  const unanswered = client.resetBreaker({ service: 's' });
  await answerCommands(nodes[0]);
  const reason = expect.stringMatching(/^no answer within \d+ ms$|: no answer within 300 ms$/);
  expect(await unanswered).toMatchObject({ nodeIds: ['n1'], failures: [{ nodeId: 'n2', reason }] });

  one.database.away = true;
  nodes[0].commands.length = 0;
  const away = client.resetBreaker({ service: 's' });
  await answerCommands(nodes[0]);
  expect(await away).toMatchObject({
    nodeIds: ['n1'],
    failures: [{ nodeId: 'n2', reason: `${elsewhere}: the database is away` }],
  });
  await expect(client.adoptNode({ nodeId: 'n2' })).rejects.toMatchObject({
    code: 'unavailable',
    retryAfterMs: 1000,
  });
});
