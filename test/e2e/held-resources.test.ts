/** What is invalid is never stored; what a node cannot build all the same is held there, and disturbs nothing else. */
import { randomUUID } from 'node:crypto';
import { openStore } from '@sluice/control-plane';
import { decodeResource, encodeResource, hashItem, SetDigest } from '@sluice/engine';
import { NodeState } from '@sluice/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase, findPostgres } from '../harness/postgres.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const config = (address: string) => `
kind: Service
name: s
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Policy
name: p
spec: { responseHeaders: { set: { x-policy: good } } }
---
kind: Route
name: r
spec: { match: [{ path: { prefix: /r } }], service: s, policies: [p] }
---
${other('first')}`;

const other = (value: string) => `
kind: Route
name: other
spec: { match: [{ path: { prefix: /other } }], service: s, responseHeaders: { set: { x-other: ${value} } } }
`;

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('a resource that a node cannot build', () => {
  const stack = new AsyncDisposableStack();
  const args: string[] = [];
  let database: string;
  let controlPlane: ControlPlane;
  let admin: Admin;
  let node: Node;
  let origin: Origin;

  beforeAll(async () => {
    database = (await createSharedDatabase())!;
    origin = stack.use(await startOrigin(() => ({ body: '{}' })));
    controlPlane = stack.use(await startControlPlane({ database, args }));
    admin = stack.use(connectAdmin(controlPlane));
    await admin.apply(config(origin.address));
    const env = { SLUICE_FAULTS: 'crash-header=x-crash' };
    node = stack.use(await startNode({ controlPlane: controlPlane.url, env }));
  });

  afterAll(() => stack.disposeAsync());

  const get = async (target: string, at: Node = node) => {
    await using client = await connectRaw(at.port);
    return await client.request({ target });
  };
  const heldOf = async (id: string) => (await admin.fleet.getNode({ nodeId: id })).node;
  const expectHeld = async () => {
    const held = await waitFor('the node holds it', async () => {
      const view = await heldOf('n1');
      return view?.state === NodeState.HOLDING && view.held;
    });
    expect(held).toMatchObject([
      { kind: 'Policy', name: 'p', lastGood: true, reason: expect.stringMatching(/x-policy/) },
    ]);
    expect((await get('/r')).header('x-policy')).toBe('good');
  };

  test.each([
    [
      'a regular expression that is not linear',
      'spec: { match: [{ path: { regex: "(a+)\\\\1" } }], service: s }',
      'regex',
    ],
    ['a reference to nothing', 'spec: { match: [{ path: { prefix: /x } }], service: nowhere }', 'nowhere'],
    ['a field that is not known', 'spec: { match: [{ path: { prefix: /x } }], service: s, plugin: {} }', 'plugin'],
    [
      'a header with a line break',
      'spec: { match: [{ path: { prefix: /x } }], service: s, responseHeaders: { set: { x-a: "a\\r\\nb" } } }',
      'x-a',
    ],
  ])('%s is refused when it is applied, and nothing is stored', async (_, spec, place) => {
    const before = (await admin.fleet.listNodes({})).revision;
    const { code, stderr } = await controlPlane.ctl(['apply', '-f', '-'], {
      input: `kind: Route\nname: bad\n${spec}\n`,
    });
    expect(code).toBe(1);
    expect(stderr).toContain(place);
    expect((await admin.fleet.listNodes({})).revision).toBe(before);
  });

  test('is held at its last good version, with the reason in the fleet view, and later changes apply', async () => {
    const revision = await storeUnchecked(database, 'Policy', 'p', 'a\nb');
    await expectHeld();
    expect(await controlPlane.ctlOk(['nodes'])).toMatch(/cannot build Policy\/p|holding/i);
    expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({
      ready: true,
      revision,
      held: [{ name: 'p' }],
    });
    expect((await node.admin('/__metrics')).body).toMatch(/^gateway_config_held 1$/m);

    const later = await admin.apply(other('second'));
    await waitFor('the later change is active', async () => (await heldOf('n1'))?.activeRevision === later.revision);
    expect((await get('/other')).header('x-other')).toBe('second');
    await expectHeld();
  });

  test('a node that never had a good version refuses only what needs it', async () => {
    await using late = await startNode({ controlPlane: controlPlane.url, id: 'late', workers: 1 });
    const refused = await get('/r', late);
    expect(refused.status).toBe(503);
    expect(refused.body.toString()).toContain('policy_unavailable');
    expect((await get('/other', late)).header('x-other')).toBe('second');
    const view = await waitFor('it is seen', () => heldOf('late'));
    expect(view.held).toMatchObject([
      { kind: 'Policy', name: 'p', lastGood: false },
      { kind: 'Route', name: 'r', lastGood: false, reason: expect.stringContaining('refers to Policy/p') },
    ]);
  });

  test('the last good version outlives a worker, a full resync, and a restart of the node without a control plane', async () => {
    await (await connectRaw(node.port)).request({ target: '/r', headers: { 'x-crash': '1' } }).catch(() => undefined);
    await waitFor('the worker is replaced', async () =>
      /^gateway_worker_restarts_total 1$/m.test((await node.admin('/__metrics')).body),
    );
    await node.waitUntilReady();
    await expectHeld();

    await controlPlane.stop();
    args.push('--new-history');
    await controlPlane.start();
    args.pop();
    await waitFor('it diverged', async () => (await heldOf('n1'))?.state === NodeState.DIVERGED);
    await controlPlane.ctlOk(['nodes', 'adopt', 'n1']);
    await waitFor('the resync', () => /active track=config by=snapshot .* held=1/.test(node.process().output()));
    await expectHeld();
    const { revision } = await admin.fleet.listNodes({});
    await waitFor('it is on disk', async () => (await heldOf('n1'))?.persistedRevision === revision);

    await controlPlane.kill();
    await node.kill();
    await node.start();
    expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({
      ready: true,
      held: [{ kind: 'Policy', name: 'p', lastGood: true }],
    });
    expect((await get('/r')).header('x-policy')).toBe('good');
    expect((await get('/other')).header('x-other')).toBe('second');
    await controlPlane.start();
    await expectHeld();
  });

  test('a version that can be built ends it', async () => {
    await admin.apply(config(origin.address).replace('good', 'better'));
    await waitFor('nothing is held', async () => (await heldOf('n1'))?.state === NodeState.CURRENT);
    expect((await get('/r')).header('x-policy')).toBe('better');
    expect(JSON.parse((await node.admin('/__ready')).body).held).toEqual([]);
  });
});

/** Stores a policy with a response header that no check would let pass, as a newer control plane might. Returns the revision. */
async function storeUnchecked(database: string, kind: string, name: string, value: string): Promise<number> {
  await using dir = await makeTempDir('store');
  const store = await openStore({ database, dataDir: dir.path });
  try {
    const { historyId, config: current } = await store.head();
    const before = (await store.getAt('config', { kind, name }, current))!;
    const resource = decodeResource(before.content!);
    if (resource.spec.case !== 'policy') throw new Error('not a policy');
    resource.spec.value.responseHeaders!.set['x-policy'] = value;
    const content = encodeResource(resource);
    const hash = hashItem(kind, name, content);
    const digest = SetDigest.fromBytes((await store.getRevision('config', current))!.digest);
    digest.remove(before.hash!);
    digest.add(hash);
    const outcome = await store.append({
      track: 'config',
      expected: { historyId, revision: current },
      writeId: randomUUID(),
      revision: {
        createdAt: new Date(),
        author: 'test',
        message: '',
        digest: digest.bytes(),
        created: 0,
        updated: 1,
        deleted: 0,
        rollbackOf: 0,
        forced: false,
      },
      versions: [{ kind, name, content, hash, nodeGroups: [] }],
      secrets: [],
      audit: [],
      answer: undefined,
    });
    expect(outcome).toEqual({ kind: 'appended' });
    return current + 1;
  } finally {
    await store.close();
  }
}
