/** A key that is revoked while nodes are cut off: one goes on as it was told to, the other refuses all credentials after its bound. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Link, startLink } from '../harness/link.ts';
import { type Node, startNode } from '../harness/node.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const CONFIG = `
kind: Consumer
name: c
spec: {}
---
kind: Route
name: keyed
spec:
  match: [{ path: { prefix: /keyed } }]
  respond: { status: 200 }
  auth: { anyOf: [{ apiKey: {} }] }
---
kind: Route
name: optional
spec:
  match: [{ path: { prefix: /optional } }]
  respond: { status: 200 }
  auth: { anyOf: [{ apiKey: {} }], optional: true }
---
kind: Route
name: open
spec:
  match: [{ path: { prefix: /open } }]
  respond: { status: 200 }
`;
/** Of the node that is bounded: 20 heartbeats. */
const MAX_MS = 4_000;

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let link: Link;
let unbounded: Node;
let bounded: Node;

beforeAll(async () => {
  controlPlane = stack.use(await startControlPlane({ args: ['--heartbeat-interval', '200ms'] }));
  admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(CONFIG);
  link = stack.use(await startLink(controlPlane.port));
  const start = async (id: string, ...args: string[]) =>
    stack.use(await startNode({ controlPlane: `http://${link.address}`, id, args, workers: 1 }));
  unbounded = await start('unbounded');
  bounded = await start('bounded', '--max-staleness', `${MAX_MS}ms`);
});

afterAll(() => stack.disposeAsync());

async function ask(node: Node, target: string, key?: string) {
  await using client = await connectRaw(node.port);
  return await client.request({ target, headers: key === undefined ? {} : { 'x-api-key': key } });
}

const statusOf = async (node: Node, target: string, key?: string): Promise<number> =>
  (await ask(node, target, key)).status;

async function readReady(node: Node): Promise<Readonly<Record<string, unknown>>> {
  const { status, body } = await node.admin('/__ready');
  return { status, ...(JSON.parse(body) as object) };
}

async function metric(node: Node, name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec((await node.admin('/__metrics')).body)?.[1]);
}

async function expectRefusal(node: Node, key: string): Promise<void> {
  const refused = await ask(node, '/keyed', key);
  expect([refused.status, refused.header('retry-after')]).toEqual([503, '5']);
  expect(refused.body.toString()).toContain('policy_unavailable');
  expect(await statusOf(node, '/keyed')).toBe(503);
  expect(await statusOf(node, '/optional', key)).toBe(503);
  expect(await statusOf(node, '/optional')).toBe(200);
  expect(await statusOf(node, '/open')).toBe(200);
}

test('a node that is cut off for longer than it may be refuses credentials and nothing else, also after a restart, until it is confirmed again; without a bound it goes on', async () => {
  const kept = await admin.createKey('kept', 'c');
  const revoked = await admin.createKey('revoked', 'c');
  for (const node of [unbounded, bounded]) {
    await waitFor(`${node.id} has the keys`, async () => (await statusOf(node, '/keyed', revoked)) === 200);
  }
  // However long it is connected.
  await delay(MAX_MS);
  await waitFor('it is confirmed', async () => !('credentials' in (await readReady(bounded))));
  expect(await statusOf(bounded, '/keyed', revoked)).toBe(200);

  await link.cut();
  await admin.keys.revokeKey({ name: 'revoked' });
  await waitFor('the bounded node refuses', async () => (await statusOf(bounded, '/keyed', revoked)) === 503);
  await expectRefusal(bounded, kept);
  expect(await readReady(bounded)).toMatchObject({
    status: 200,
    ready: true,
    controlPlane: 'disconnected',
    credentials: 'refused',
    credentialsRefusedFrom: expect.any(String),
  });
  await waitFor('both are told', () =>
    /half of --max-staleness[\s\S]*credentials are refused/.test(bounded.process().output()),
  );
  expect(await metric(bounded, 'gateway_credentials_refused')).toBe(1);
  expect(await metric(bounded, 'gateway_max_staleness_seconds')).toBe(MAX_MS / 1000);
  expect(await metric(bounded, 'gateway_config_age_seconds')).toBeGreaterThanOrEqual(MAX_MS / 1000);

  for (const key of [kept, revoked]) expect(await statusOf(unbounded, '/keyed', key)).toBe(200);
  expect(await readReady(unbounded)).toMatchObject({ controlPlane: 'disconnected', staleSince: expect.any(String) });
  expect(await readReady(unbounded)).not.toHaveProperty('credentials');
  expect(await metric(unbounded, 'gateway_credentials_refused')).toBe(0);

  await bounded.kill();
  await bounded.start();
  await expectRefusal(bounded, kept);

  const shown = await waitFor('the fleet view', async () => {
    const text = await controlPlane.ctlOk(['nodes', 'bounded']);
    return text.includes('disconnected') && text;
  });
  const explain = (...args: string[]) => controlPlane.ctl(['explain', 'GET', ...args]);
  const refusal = await waitFor('explain says so of the node', async () => {
    const { stdout } = await explain('/keyed', '--as', 'c', '--node', 'bounded');
    return stdout.startsWith('503') && stdout;
  });
  expect(refusal).toContain('bounded is cut off for longer than its --max-staleness');
  expect((await explain('/optional', '--node', 'bounded')).stdout).toContain('passes as anonymous');
  expect((await explain('/keyed', '--as', 'c', '--node', 'unbounded')).stdout).toMatch(/^200/);
  expect(shown).toMatch(/believes no credential from \S+ on \(--max-staleness\)/);
  const other = JSON.parse(await controlPlane.ctlOk(['nodes', 'unbounded', '-o', 'json']));
  expect(other).not.toHaveProperty('maxStalenessSeconds');

  await link.heal();
  const statuses = new Set<number>();
  await waitFor('the kept key is believed again', async () => {
    statuses.add(await statusOf(bounded, '/keyed', revoked));
    return (await statusOf(bounded, '/keyed', kept)) === 200;
  });
  statuses.add(await statusOf(bounded, '/keyed', revoked));
  // Not for a moment is the revoked key believed again.
  expect(statuses).toContain(401);
  expect(statuses).not.toContain(200);
  await waitFor('it is confirmed', async () => !('credentials' in (await readReady(bounded))));
  expect(await metric(bounded, 'gateway_credentials_refused')).toBe(0);
  expect(JSON.parse(await controlPlane.ctlOk(['nodes', 'bounded', '-o', 'json']))).toMatchObject({
    maxStalenessSeconds: MAX_MS / 1000,
  });
  await waitFor('the other hears of it too', async () => (await statusOf(unbounded, '/keyed', revoked)) === 401);
});
