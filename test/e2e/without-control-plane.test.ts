/** A node needs nothing but its last snapshot to serve; without one it says that it is not ready, and waits. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { startLink } from '../harness/link.ts';
import { type Node, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let origin: Origin;

beforeAll(async () => {
  origin = stack.use(await startOrigin(() => ({ headers: { 'x-origin': '0' }, body: '{}' })));
  controlPlane = stack.use(await startControlPlane({ database: 'embedded' }));
  using admin = connectAdmin(controlPlane);
  await admin.apply(numberedConfig(0, [origin.address, origin.address]));
});

afterAll(() => stack.disposeAsync());

async function readReady(node: Node): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await node.admin('/__ready');
  return { status, ...(JSON.parse(body) as object) };
}

async function get(node: Node, headers: Record<string, string> = {}) {
  await using client = await connectRaw(node.port);
  return await client.request({ target: '/r', headers });
}

async function metric(node: Node, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await node.admin('/__metrics')).body)?.[1]);
}

describe('a node', () => {
  test('with neither cache nor control plane: it lives, is not ready, refuses with a wait, and becomes ready by itself', async () => {
    await using link = await startLink(controlPlane.port);
    await link.cut();
    await using node = await startNode({ controlPlane: `http://${link.address}`, id: 'first', wait: 'alive' });
    const answer = await waitFor('it answers', () => get(node));
    expect(answer.status).toBe(503);
    expect(answer.header('retry-after')).toMatch(/^\d+$/);
    expect(answer.body.toString()).toContain('not_ready');
    expect(await readReady(node)).toMatchObject({
      status: 503,
      ready: false,
      reason: 'waiting for a first snapshot',
      controlPlane: 'disconnected',
    });
    await link.heal();
    await node.waitUntilReady();
    expect(readNumber(await get(node))).toBe(0);
  });

  test('restarted with control plane and database gone: it serves, says since when nobody vouched for it, and its workers return', async () => {
    const env = { SLUICE_FAULTS: 'crash-header=x-crash' };
    await using node = await startNode({ controlPlane: controlPlane.url, id: 'second', env });
    const before = await readReady(node);
    expect(before).toMatchObject({ status: 200, revision: 1, controlPlane: 'connected' });
    expect(before).not.toHaveProperty('staleSince');
    await waitFor('the snapshot is on disk', async () => (await readReady(node)).persistedRevision === 1);

    const lostAt = Date.now();
    await controlPlane.kill();
    const stale = await waitFor('it notices', async () => {
      const state = await readReady(node);
      return state.staleSince !== undefined && state;
    });
    expect(stale).toMatchObject({ status: 200, ready: true, revision: 1, controlPlane: 'disconnected' });
    expect(Date.parse(String(stale.staleSince))).toBeLessThanOrEqual(lostAt + 1000);

    await node.kill();
    await node.start();
    const startedAt = /serving from the cache revision=1/.exec(node.process().output());
    expect(startedAt).not.toBeNull();
    const alone = await readReady(node);
    expect(alone).toMatchObject({ status: 200, ready: true, revision: 1, digest: before.digest, persistedRevision: 1 });
    expect(Date.parse(String(alone.staleSince))).toBeLessThanOrEqual(lostAt + 1000);
    expect(readNumber(await get(node))).toBe(0);
    expect(await metric(node, 'gateway_config_revision')).toBe(1);
    expect(await metric(node, 'gateway_config_age_seconds')).toBeGreaterThan(0);

    await get(node, { 'x-crash': '1' }).catch(() => undefined);
    await waitFor('the worker is replaced', async () => (await metric(node, 'gateway_worker_restarts_total')) === 1);
    await node.waitUntilReady();
    const answers = await Promise.all(Array.from({ length: 16 }, () => get(node)));
    expect(answers.map(readNumber)).toEqual(answers.map(() => 0));

    await controlPlane.start();
    await waitFor('it is vouched for again', async () => (await readReady(node)).staleSince === undefined, {
      deadlineMs: 20_000,
    });
    expect(await metric(node, 'gateway_config_age_seconds')).toBeLessThan(10);
    expect(node.process().output()).not.toMatch(/by=snapshot/);
  });
});
