/** Two control planes on one database, one of which dies, and a database that dies: nothing acknowledged is lost, and no request fails. */
import { join } from 'node:path';
import { NodeState } from '@sluice/proto';
import { RpcError } from '@sluice/proto/grpc-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkActivations, readActivations } from '../harness/activations.ts';
import { type Admin, connectAdmin, readManifests } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { findPostgres, type Postgres, startPostgres } from '../harness/postgres.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const config = (address: string) => `
kind: Service
name: s
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Route
name: r
spec: { match: [{ path: { prefix: /r } }], service: s }
---
${counter(0)}`;

const counter = (n: number) => `
kind: Consumer
name: counter
labels: { n: "${n}" }
spec: {}
`;

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('two control planes on one database', () => {
  const stack = new AsyncDisposableStack();
  let postgres: Postgres;
  let one: ControlPlane;
  let two: ControlPlane;
  let admins: [Admin, Admin];
  let nodes: [Node, Node];
  let origin: Origin;

  beforeAll(async () => {
    postgres = stack.use(await startPostgres());
    const keys = stack.use(await makeTempDir('keys'));
    const args = ['--secret-key-file', join(keys.path, 'secret.key'), '--heartbeat-interval', '1s'];
    one = stack.use(await startControlPlane({ database: postgres.url, args }));
    two = stack.use(await startControlPlane({ database: postgres.url, args }));
    admins = [stack.use(connectAdmin(one)), stack.use(connectAdmin(two))];
    origin = stack.use(await startOrigin(() => ({ body: '{}' })));
    await admins[0].apply(config(origin.address));
    const start = async (id: string, controlPlane: string) => stack.use(await startNode({ controlPlane, id }));
    nodes = [await start('n1', `${one.url},${two.url}`), await start('n2', `${two.url},${one.url}`)];
  });

  afterAll(() => stack.disposeAsync());

  const loadOn = (node: Node) =>
    startLoad({ port: node.port, connections: 4, rate: 100, request: () => ({ target: '/r' }) });
  const readCounter = async (admin: Admin): Promise<{ n: number; revision: bigint }> => {
    const { revision } = await admin.fleet.listNodes({});
    const { resource } = await admin.config.get({ ref: { kind: 'Consumer', name: 'counter' } });
    return { n: Number(resource!.resource!.labels.n), revision };
  };
  /**
   * Adds one to the counter until `stopped`, at the first control plane that answers. A write without an answer is sent again
   * with its key. Returns how many were acknowledged.
   */
  const count = async (name: string, order: readonly Admin[], stopped: () => boolean): Promise<number> => {
    let acknowledged = 0;
    let at = 0;
    for (let attempt = 0; !stopped(); attempt++) {
      try {
        const { n, revision } = await readCounter(order[at]!);
        const resources = readManifests(counter(n + 1));
        const request = { resources, expectedRevision: revision, idempotencyKey: `${name}-${attempt}` };
        for (;;) {
          try {
            await order[at]!.config.apply(request, { timeoutMs: 5000 });
            acknowledged++;
            break;
          } catch (error) {
            if (!isUnsure(error)) throw error;
            at = (at + 1) % order.length;
          }
        }
      } catch (error) {
        if (error instanceof RpcError && error.code === 'aborted') continue;
        if (!isUnsure(error)) throw error;
        at = (at + 1) % order.length;
      }
    }
    return acknowledged;
  };

  test('writers that race at both, while one is killed: no update is lost or made twice, nodes move over, no request fails', async () => {
    const views = await Promise.all(
      admins.map((admin) =>
        waitFor('both nodes are seen', async () => {
          const { nodes: seen, revision } = await admin.fleet.listNodes({});
          const current = seen.filter(({ state }) => state === NodeState.CURRENT);
          return (
            current.length === 2 && { revision, nodes: current.map(({ nodeId, replicaId }) => [nodeId, replicaId]) }
          );
        }),
      ),
    );
    expect(views[0]).toEqual(views[1]);
    expect(new Set(views[0]!.nodes.map(([, replicaId]) => replicaId)).size).toBe(2);

    const loads = nodes.map(loadOn);
    let stopped = false;
    const before = (await readCounter(admins[0])).n;
    const writers = [count('a', admins, () => stopped), count('b', admins.toReversed(), () => stopped)];
    const counted = (more: number, admin: Admin) =>
      waitFor('the writers go on', async () => (await readCounter(admin)).n >= more, { deadlineMs: 20_000 });
    await counted(before + 20, admins[0]);
    await one.kill();
    const at = (await readCounter(admins[1])).n;
    await counted(at + 20, admins[1]);
    stopped = true;
    const acknowledged = await Promise.all(writers);
    expect(acknowledged.every((each) => each > 0)).toBe(true);
    const { n, revision } = await readCounter(admins[1]);
    expect(n - before).toBe(acknowledged[0]! + acknowledged[1]!);

    await waitFor('both nodes have the last revision from the one that is left', async () => {
      const { nodes: seen } = await admins[1].fleet.listNodes({});
      return seen.every(({ state, activeRevision }) => state === NodeState.CURRENT && activeRevision === revision);
    });
    for (const load of loads) expect((await load.stop()).failures).toEqual([]);
    const configs = readActivations(nodes[0].process().output()).filter(({ track }) => track === 'config');
    expect(configs.filter(({ by }) => by === 'snapshot')).toHaveLength(1);

    await one.start();
    const { nodes: seen } = await admins[0].fleet.listNodes({});
    expect(seen.map(({ nodeId, state }) => [nodeId, state])).toEqual([
      ['n1', NodeState.CURRENT],
      ['n2', NodeState.CURRENT],
    ]);
  });

  test('the database is killed under writers: they are told to wait, nodes and new nodes are served, it recovers by itself', async () => {
    const loads = nodes.map(loadOn);
    let stopped = false;
    const before = (await readCounter(admins[1])).n;
    const writers = [count('c', admins, () => stopped), count('d', admins.toReversed(), () => stopped)];
    await waitFor('the writers write', async () => (await readCounter(admins[1])).n >= before + 10);
    await postgres.kill();

    const refusal = await waitFor('writes are refused', async () =>
      admins[1].config.apply({ resources: readManifests(counter(-1)), dryRun: false }).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(refusal).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    await using late = await startNode({ controlPlane: `${one.url},${two.url}`, id: 'late', workers: 1 });
    await using load = loadOn(late);
    await load.waitForRequests(20);
    expect((await load.stop()).failures).toEqual([]);
    const { nodes: seen } = await admins[1].fleet.listNodes({});
    expect(seen.find(({ nodeId }) => nodeId === 'n2')?.state).toBe(NodeState.CURRENT);

    await postgres.start();
    const at = await waitFor('it is back', async () => (await readCounter(admins[0])).n);
    await waitFor('the writers go on', async () => (await readCounter(admins[0])).n >= at + 10, { deadlineMs: 20_000 });
    stopped = true;
    const acknowledged = await Promise.all(writers);
    // What the other replica wrote last may just be on its way to this one.
    await waitFor('both replicas show the same', async () => {
      const [left, right] = await Promise.all(admins.map(readCounter));
      return left!.revision === right!.revision;
    });
    const { n, revision } = await readCounter(admins[0]);
    expect(n - before).toBe(acknowledged[0]! + acknowledged[1]!);
    await waitFor('all nodes have the last revision', async () => {
      const { nodes: all } = await admins[0].fleet.listNodes({});
      return all.length === 3 && all.every(({ activeRevision }) => activeRevision === revision);
    });
    for (const each of loads) expect((await each.stop()).failures).toEqual([]);
    const outputs = [...nodes, late].map((node) => node.process().output());
    expect(await checkActivations(postgres.url, outputs)).toEqual([]);
  });
});

/** No answer, or one that says to come back: what was sent may have been done. */
function isUnsure(error: unknown): boolean {
  return error instanceof RpcError && ['unavailable', 'deadline_exceeded', 'cancelled', 'unknown'].includes(error.code);
}
