/** A node that stopped, or whose link is stuck or slow, delays nobody, is seen as what it is, and catches up by itself. */
import { NodeState } from '@sluice/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkActivations, readActivations } from '../harness/activations.ts';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Link, startLink } from '../harness/link.ts';
import { startLoad } from '../harness/load.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { type Node, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase } from '../harness/postgres.ts';
import { waitFor } from '../harness/wait-for.ts';

const heartbeatMs = 1000;

const stack = new AsyncDisposableStack();
let database: string | undefined;
let controlPlane: ControlPlane;
let admin: Admin;
let origins: [Origin, Origin];
let link: Link;
/** Its link to the control plane is the one that suffers. */
let far: Node;
let near: Node;
let n = 0;
const change = async (): Promise<number> => {
  n++;
  const { revision } = await admin.apply(numberedConfig(n, [origins[0].address, origins[1].address]));
  return Number(revision);
};
const activeOn = (node: Node): number =>
  readActivations(node.process().output()).findLast(({ track }) => track === 'config')?.revision ?? 0;
const untilActive = (node: Node, revision: number, deadlineMs?: number) =>
  waitFor(`revision ${revision} is active on ${node.id}`, () => activeOn(node) >= revision, {
    everyMs: 2,
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
const view = async (node: Node) => (await admin.fleet.getNode({ nodeId: node.id })).node!;
const untilState = (node: Node, ...states: NodeState[]) =>
  waitFor(`${node.id} is in state ${states.join(' or ')}`, async () => states.includes((await view(node)).state));

beforeAll(async () => {
  database = await createSharedDatabase();
  const args = ['--heartbeat-interval', `${heartbeatMs}ms`];
  controlPlane = stack.use(await startControlPlane({ ...(database !== undefined && { database }), args }));
  admin = stack.use(connectAdmin(controlPlane));
  const origin = async (index: number) =>
    stack.use(await startOrigin(() => ({ headers: { 'x-origin': String(index) }, body: '{}' })));
  origins = [await origin(0), await origin(1)];
  await change();
  link = stack.use(await startLink(controlPlane.port));
  far = stack.use(await startNode({ controlPlane: `http://${link.address}`, id: 'far' }));
  near = stack.use(await startNode({ controlPlane: controlPlane.url, id: 'near' }));
});

afterAll(() => stack.disposeAsync());

test('a stopped node: others get each change at once, it is seen as gone, and is current within 2 s of going on', async () => {
  far.pause();
  let last = 0;
  const late: number[] = [];
  try {
    const changesUntilSeen = async () => {
      using clock = watchLostTime();
      last = await change();
      await untilActive(near, last);
      if (clock.elapsedMs() >= clock.allow(1000)) late.push(clock.elapsedMs());
      const { state } = await view(far);
      return state === NodeState.DISCONNECTED && n > 50;
    };
    await waitFor('the stopped node is given up', changesUntilSeen, { everyMs: 1 });
  } finally {
    far.resume();
  }
  using clock = watchLostTime();
  await untilActive(far, last);
  expect(clock.elapsedMs()).toBeLessThan(clock.allow(2000));
  expect(late).toEqual([]);
  const jump = readActivations(far.process().output()).slice(-1);
  expect(jump).toMatchObject([{ by: 'delta', revision: last }]);
});

test('a link that carries nothing: the node notices by itself, is never shown as current, and comes back', async () => {
  await untilState(far, NodeState.CURRENT);
  const heard = far.process().output().length;
  link.blackHole();
  using clock = watchLostTime();
  const revision = await change();
  await untilActive(near, revision);
  await untilState(far, NodeState.UPDATING, NodeState.STALE, NodeState.DISCONNECTED);
  await untilState(far, NodeState.STALE, NodeState.DISCONNECTED);
  await waitFor('the node gives its stream up', () =>
    /the control plane is silent/.test(far.process().output().slice(heard)),
  );
  expect(clock.elapsedMs()).toBeLessThan(clock.allow(2 * heartbeatMs + 3000));
  expect(JSON.parse((await far.admin('/__ready')).body)).toMatchObject({
    ready: true,
    controlPlane: 'disconnected',
    staleSince: expect.any(String),
  });
  expect(activeOn(far)).toBeLessThan(revision);
  await link.heal();
  await untilActive(far, revision);
  await untilState(far, NodeState.CURRENT);
});

test('many small changes: merged for whom they come too fast, and active everywhere within 1 s of the last', async () => {
  const writers = 16;
  const perWriter = 60;
  await using load = startLoad({
    port: near.port,
    connections: 4,
    rate: 200,
    request: () => ({ target: '/r' }),
    check: (response) => {
      const number = readNumber(response);
      return typeof number === 'string' ? number : undefined;
    },
  });
  await load.waitForRequests(50);
  link.delay(60);
  const before = readActivations(far.process().output()).length;
  const write = async (writer: number) => {
    for (let index = 0; index < perWriter; index++)
      await admin.apply(`kind: Consumer\nname: w${writer}\nlabels: { n: "${index}" }\nspec: {}\n`);
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  using clock = watchLostTime();
  const { revision } = await admin.fleet.listNodes({});
  await Promise.all([near, far].map((node) => untilActive(node, Number(revision))));
  const convergedMs = clock.elapsedMs();
  const allowedMs = clock.allow(1000);
  link.delay(0);
  const merged = readActivations(far.process().output()).length - before;
  const report = await load.stop();
  process.stdout.write(
    `${writers * perWriter} changes in ${merged} updates over the slow link, active ${convergedMs.toFixed(0)} ms after the last; p99 of requests ${report.latencyMs.p99.toFixed(1)} ms\n`,
  );
  expect(convergedMs).toBeLessThan(allowedMs);
  expect(merged).toBeLessThan((writers * perWriter) / 4);
  expect(report.failures).toEqual([]);
});

test('all that was active, held against the history in the database', async () => {
  if (database === undefined) return;
  const outputs = [near, far].map((node) => node.process().output());
  expect(await checkActivations(database, outputs)).toEqual([]);
});
