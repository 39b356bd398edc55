/** Two processes of one node, the later beside the earlier: same id, addresses and cache directory. */
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { forwardAll } from '../harness/gateway.ts';
import { startLink } from '../harness/link.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

let stack: AsyncDisposableStack;
let controlPlane: ControlPlane;
let admin: Admin;
let origin: Origin;
let release: () => void;

beforeEach(async () => {
  stack = new AsyncDisposableStack();
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  origin = stack.use(
    await startOrigin(async ({ target }) => {
      if (target.startsWith('/held')) await held.promise;
      return { body: 'ok' };
    }),
  );
  controlPlane = stack.use(await startControlPlane());
  admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(manifest('1'));
});

afterEach(() => stack.disposeAsync());

function manifest(state: string): string {
  return forwardAll(origin.address, { timeout: '30s', responseHeaders: { set: { 'x-state': state } } });
}

/** Starts a process with all that the other was started with, and waits until it says that it is ready. */
async function startBeside({ port, adminPort, cacheDir }: Node, controlPlaneUrl = controlPlane.url): Promise<Node> {
  const later = stack.use(
    await startNode({
      ...{ controlPlane: controlPlaneUrl, port, adminPort, cacheDir },
      ...{ args: ['--takeover'], wait: 'started' },
    }),
  );
  await later.process().line(/ info ready /, 30_000);
  return later;
}

async function readState(port: number): Promise<string | undefined> {
  await using client = await connectRaw(port);
  return (await client.request({ target: '/x' })).header('x-state');
}

async function shownNode() {
  const { nodes } = await admin.fleet.listNodes({});
  expect(nodes).toHaveLength(1);
  return nodes[0]!;
}

async function endOf(node: Node): Promise<void> {
  node.process().signal('SIGTERM');
  expect(await node.process().exited).toEqual({ code: 0, signal: null });
}

const hasPersisted = (node: Node, revision: number) =>
  waitFor(
    `revision ${revision} is on disk`,
    async () => JSON.parse((await node.admin('/__ready')).body).persistedRevision === revision,
  );

test('the later one joins with the same settings; both follow, the fleet view says so, and no request fails', async () => {
  const earlier = stack.use(await startNode({ controlPlane: controlPlane.url }));
  await hasPersisted(earlier, 1);
  const load = startLoad({
    port: earlier.port,
    connections: 12,
    rate: 200,
    request: (n) => (n % 5 === 0 ? { method: 'POST', target: '/r', body: 'once' } : { target: '/r' }),
    check: ({ status }) => (status === 200 ? undefined : `status ${status}`),
  });
  const later = await startBeside(earlier);
  expect(later.process().output()).toContain('once the process before lets go of it');
  await waitFor('the view shows both', async () => {
    return (await shownNode()).reason === 'it takes over from a process that still serves, at revision 1';
  });
  await admin.applyActive(manifest('2'));
  await waitFor('both have it', async () => (await shownNode()).reason.endsWith('at revision 2'));
  for (let n = 0; n < 20; n++) expect(await readState(earlier.port)).toBe('2');

  const held = await Promise.all(Array.from({ length: 8 }, () => connectRaw(earlier.port)));
  for (const client of held) client.send({ target: '/held' });
  await waitFor(
    'all are on their way',
    () => origin.requests.filter(({ target }) => target === '/held').length === held.length,
  );
  earlier.process().signal('SIGTERM');
  await waitFor('the view says so', async () => (await shownNode()).reason.includes('a process that is stopping'));
  await waitFor('probes are answered by the later one', () => later.isReady());
  release();
  for (const client of held) {
    const { status, body } = await client.read();
    expect([status, body.toString()]).toEqual([200, 'ok']);
    await client[Symbol.asyncDispose]();
  }
  expect(await earlier.process().exited).toEqual({ code: 0, signal: null });
  await waitFor('one process is left', async () => (await shownNode()).reason === '');
  await load.waitForRequests(100);
  const { failures } = await load.stop();
  expect(failures).toEqual([]);
  await hasPersisted(later, 2);
  const others = (await readdir(later.cacheDir)).filter((name) => !/\.(base|log)$|^confirmed\.tmp$/.test(name));
  expect(others.toSorted()).toEqual(['confirmed', 'lock']);
  expect(later.process().output()).not.toContain('Warning');
  // What it wrote is whole.
  await controlPlane.kill();
  await later.kill();
  await using again = await startNode({ ...later, controlPlane: controlPlane.url, wait: 'ready' });
  expect(await readState(again.port)).toBe('2');
});

test('without a control plane the later one serves from what the earlier one has on disk, and writes it on', async () => {
  const earlier = stack.use(await startNode({ controlPlane: controlPlane.url }));
  await hasPersisted(earlier, 1);
  await controlPlane.kill();
  const later = await startBeside(earlier);
  expect(later.process().output()).toContain('serving from the cache revision=1');
  await endOf(earlier);
  expect(await readState(later.port)).toBe('1');
  await hasPersisted(later, 1);
  await endOf(later);
  await later.start();
  await later.process().line(/ info ready /);
  expect(await readState(later.port)).toBe('1');
});

test('what only the earlier one was told is active in the later one once it has the disk', async () => {
  const earlier = stack.use(await startNode({ controlPlane: controlPlane.url }));
  await hasPersisted(earlier, 1);
  await using link = await startLink(controlPlane.port);
  await link.cut();
  const later = await startBeside(earlier, `http://${link.address}`);
  await admin.applyActive(manifest('2'));
  await hasPersisted(earlier, 2);
  await endOf(earlier);
  await hasPersisted(later, 2);
  expect(await readState(later.port)).toBe('2');
  await link.heal();
  await waitFor('it follows', async () => {
    const node = await shownNode();
    return node.state === 1 && node.reason === '' && Number(node.activeRevision) === 2;
  });
});

test('where the later one ends first, the earlier one is the node again and goes on', async () => {
  const earlier = stack.use(await startNode({ controlPlane: controlPlane.url }));
  await hasPersisted(earlier, 1);
  const later = await startBeside(earlier);
  await later.kill();
  await waitFor('it is alone', async () => (await shownNode()).reason === '');
  await admin.applyActive(manifest('2'));
  expect(await readState(earlier.port)).toBe('2');
  earlier.process().signal('SIGTERM');
  expect(await earlier.process().exited).toEqual({ code: 0, signal: null });
});
