/** A database that went back, was emptied or belongs to somebody else takes no node with it, unless that is meant. */
import { cpSync, rmSync } from 'node:fs';
import { NodeState } from '@sluice/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Node, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
const args: string[] = [];
let controlPlane: ControlPlane;
let admin: Admin;
let node: Node;
let origin: Origin;
let backup: TempDir;

const config = (n: number) => numberedConfig(2 * n, [origin.address, origin.address]);
const served = async (): Promise<number | string> => {
  await using client = await connectRaw(node.port);
  const number = readNumber(await client.request({ target: '/r' }));
  return typeof number === 'number' ? number / 2 : number;
};
const view = async () => (await admin.fleet.getNode({ nodeId: 'n1' })).node;
const untilState = (state: NodeState) =>
  waitFor(`the node is in state ${state}`, async () => {
    const found = await view();
    return found?.state === state && found;
  });
const ready = async () => JSON.parse((await node.admin('/__ready')).body) as Record<string, unknown>;
const restart = async (...flags: string[]) => {
  args.push(...flags);
  await controlPlane.start();
  args.length = 0;
};

beforeAll(async () => {
  origin = stack.use(await startOrigin(() => ({ headers: { 'x-origin': '0' }, body: '{}' })));
  controlPlane = stack.use(await startControlPlane({ database: 'embedded', args }));
  admin = stack.use(connectAdmin(controlPlane));
  backup = stack.use(await makeTempDir('backup'));
  await admin.apply(config(1));
  node = stack.use(await startNode({ controlPlane: controlPlane.url }));
});

afterAll(() => stack.disposeAsync());

test('a change that deletes most of what there is must be forced, and then reaches the nodes', async () => {
  const many = Array.from(
    { length: 12 },
    (_, index) => `kind: Consumer\nname: c${index}\nlabels: { team: a }\nspec: {}\n`,
  );
  const full = await admin.applyActive(many.join('---\n'));
  const prune = ['apply', '-f', '-', '--prune', '--label', 'team=a'];
  const one = { input: 'kind: Consumer\nname: c0\nlabels: { team: a }\nspec: {}\n' };
  const refused = await controlPlane.ctl(prune, one);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/deletes 11 of 15 resources/);
  expect(Number((await admin.fleet.listNodes({})).revision)).toBe(full);

  await controlPlane.ctlOk([...prune, '--force', '--wait'], one);
  expect(await ready()).toMatchObject({ revision: full + 1 });
  expect((await untilState(NodeState.CURRENT)).activeRevision).toBe(BigInt(full + 1));
});

test('a restored older database: the node keeps what it has and is shown as diverged, until it is adopted', async () => {
  await controlPlane.stop();
  cpSync(controlPlane.dataDir, backup.path, { recursive: true });
  await restart();
  await waitFor('the node is back', async () => (await ready()).controlPlane === 'connected');
  await admin.applyActive(config(2));
  const last = await admin.applyActive(config(3));
  expect(await served()).toBe(3);

  await controlPlane.kill();
  rmSync(controlPlane.dataDir, { recursive: true });
  cpSync(backup.path, controlPlane.dataDir, { recursive: true });
  await restart();
  expect((await untilState(NodeState.DIVERGED)).reason).toMatch(/its revision is \d+, and the last one here is \d+/);
  expect(await ready()).toMatchObject({ ready: true, diverged: true, revision: last, staleSince: expect.any(String) });
  expect(await served()).toBe(3);
  expect(await controlPlane.ctlOk(['nodes'])).toMatch(/diverged/i);

  // The numbers go on, with other content: still not the node's history.
  for (let n = 4; n < 8; n++) await admin.apply(config(n));
  await node.stop();
  await node.start();
  expect((await untilState(NodeState.DIVERGED)).reason).toMatch(/has another digest/);
  expect(await served()).toBe(3);

  await controlPlane.ctlOk(['nodes', 'adopt', 'n1']);
  await untilState(NodeState.CURRENT);
  expect(await served()).toBe(7);
  expect(await ready()).toMatchObject({ diverged: false });
  expect(await ready()).not.toHaveProperty('staleSince');
});

test('a new history: the node keeps the old one until it is adopted, and then follows again', async () => {
  const before = await ready();
  await controlPlane.stop();
  await restart('--new-history');
  expect((await untilState(NodeState.DIVERGED)).reason).toMatch(/its history is \S+, not \S+/);
  await admin.apply(config(8));
  expect(await served()).toBe(7);
  await controlPlane.ctlOk(['nodes', 'adopt', 'n1']);
  await untilState(NodeState.CURRENT);
  expect(await served()).toBe(8);
  expect((await ready()).historyId).not.toBe(before.historyId);
  await admin.applyActive(config(9));
  expect(await served()).toBe(9);
});
