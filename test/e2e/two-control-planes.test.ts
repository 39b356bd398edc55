import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ConfigService, FleetService, NodeState, ResourceSchema } from '@sluice/proto';
import { createGrpcClient, RpcError } from '@sluice/proto/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestNode } from '../../control-plane/src/fleet/testing/test-node.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { isMissing } from '../harness/is-missing.ts';
import { type Node, startNode } from '../harness/node.ts';
import { findPostgres, type Postgres, startPostgres } from '../harness/postgres.ts';
import { makeTempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const service = (name: string, port: number) =>
  create(ResourceSchema, {
    name,
    spec: { case: 'service', value: { endpoints: [{ address: `127.0.0.1:${port}` }] } },
  });

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('two control planes on one database', () => {
  const stack = new AsyncDisposableStack();
  let postgres: Postgres;
  let one: ControlPlane;
  let two: ControlPlane;
  let nodeOfOne: Node;

  const apply = (at: ControlPlane, port: number) =>
    createGrpcClient(ConfigService, at.url).apply({ resources: [service('s', port)] }, { timeoutMs: 15_000 });
  const list = (at: ControlPlane) => createGrpcClient(FleetService, at.url).listNodes({}, { timeoutMs: 15_000 });
  const untilActive = (at: ControlPlane, revision: bigint, nodeIds: readonly string[]) =>
    waitFor(`${nodeIds.join(' and ')} have revision ${revision}`, async () => {
      const { nodes } = await list(at);
      const active = nodes.filter(
        ({ state, activeRevision }) => state === NodeState.CURRENT && activeRevision >= revision,
      );
      return nodeIds.every((id) => active.some(({ nodeId }) => nodeId === id));
    });

  beforeAll(async () => {
    postgres = stack.use(await startPostgres());
    const keys = stack.use(await makeTempDir('keys'));
    const options = {
      database: postgres.url,
      args: ['--secret-key-file', join(keys.path, 'secret.key'), '--heartbeat-interval', '1s'],
    };
    one = stack.use(await startControlPlane(options));
    two = stack.use(await startControlPlane(options));
    await apply(one, 1);
    nodeOfOne = stack.use(await startNode({ controlPlane: one.url, id: 'n1' }));
    stack.use(await startNode({ controlPlane: two.url, id: 'n2' }));
  });

  afterAll(() => stack.disposeAsync());

  it('each takes writes, and the nodes of both get them', async () => {
    const { revision } = await apply(one, 2);
    await untilActive(two, revision, ['n1', 'n2']);
    const later = await apply(two, 3);
    expect(later.revision).toBe(revision + 1n);
    await untilActive(one, later.revision, ['n1', 'n2']);
  });

  it('of two that write on one revision, one has it', async () => {
    const { revision } = await list(one);
    const write = (at: ControlPlane, port: number) =>
      createGrpcClient(ConfigService, at.url).apply({ resources: [service('s', port)], expectedRevision: revision });
    const outcomes = await Promise.allSettled([write(one, 100), write(two, 200)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'aborted' } });
  });

  it('a breaker is closed on the nodes of both, whichever is asked', async () => {
    for (const at of [one, two]) {
      const reset = await createGrpcClient(FleetService, at.url).resetBreaker({ service: 's' }, { timeoutMs: 15_000 });
      expect({ ...reset, nodeIds: reset.nodeIds.toSorted() }).toMatchObject({ nodeIds: ['n1', 'n2'], failures: [] });
    }
    const unknown = await createGrpcClient(FleetService, one.url).resetBreaker({ service: 'nope', nodeId: 'n2' });
    expect(unknown).toMatchObject({
      nodeIds: [],
      failures: [{ nodeId: 'n2', reason: 'there is no service nope on this node' }],
    });
  });

  it('a node that diverged is adopted through the other', async () => {
    using node = new TestNode({
      address: two.url,
      id: 'stranger',
      beatMs: 200,
      hello: { historyId: 'another', config: { revision: 1n, digest: new Uint8Array(32) } },
    });
    await waitFor('it diverged', async () =>
      (await list(one)).nodes.some(({ nodeId, state }) => nodeId === node.id && state === NodeState.DIVERGED),
    );
    await createGrpcClient(FleetService, one.url).adoptNode({ nodeId: node.id }, { timeoutMs: 15_000 });
    await waitFor('it is given a forced snapshot', () => node.updates.some(({ last }) => last.forced));
  });

  it('while the database is away a node of one is told, and those of the other are reported', async () => {
    await postgres.stop();
    const { nodeIds, failures } = await createGrpcClient(FleetService, one.url).resetBreaker(
      { service: 's' },
      { timeoutMs: 15_000 },
    );
    expect(nodeIds).toEqual(['n1']);
    expect(failures.find(({ nodeId }) => nodeId === 'n2')?.reason).toMatch(
      /^it is connected to control plane replica \S+, which is reached through the database: .*database/,
    );
    await postgres.start();
    await waitFor(
      'the nodes of both are told again',
      async () => {
        const reset = await createGrpcClient(FleetService, one.url).resetBreaker({ service: 's' });
        return reset.nodeIds.length === 2;
      },
      { deadlineMs: 20_000, everyMs: 100 },
    );
  });

  it('while the database is away nodes, new ones too, are served from memory, and writes are refused with a wait', async () => {
    await postgres.stop();
    const error = await apply(one, 4).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: 'unavailable', retryAfterMs: expect.any(Number) });
    await using late = await startNode({ controlPlane: two.url, id: 'n3' });
    expect(await late.isReady()).toBe(true);
    expect(await nodeOfOne.isReady()).toBe(true);
    expect(await one.isHealthy()).toBe(true);
    expect((await list(one)).nodes.find(({ nodeId }) => nodeId === 'n1')?.state).toBe(NodeState.CURRENT);

    await postgres.start();
    const { revision } = await waitFor('writes are taken again', () => apply(one, 5), {
      deadlineMs: 20_000,
      everyMs: 200,
    });
    await untilActive(two, revision, ['n1', 'n2', 'n3']);
  });

  it('one is killed: the other goes on, and its nodes come back to it', async () => {
    await one.kill();
    const { revision } = await apply(two, 6);
    await untilActive(two, revision, ['n2']);
    expect(await nodeOfOne.isReady()).toBe(true);
    await one.start();
    await untilActive(two, revision, ['n1', 'n2']);
  });
});
