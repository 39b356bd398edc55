import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { createLog } from '@sluice/engine';
import { ConfigService, FleetService, KeyService, NodeState, ProblemsSchema, ResourceSchema } from '@sluice/proto';
import { createGrpcClient, RpcError } from '@sluice/proto/grpc-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { checkHistory } from './fleet/testing/check-history.ts';
import { digestOf, TestNode } from './fleet/testing/test-node.ts';
import { until } from './fleet/testing/until.ts';
import { parseSettings, type Settings } from './settings.ts';

let directory: string;
let running: ControlPlane;
const lines: string[] = [];
const nodes: TestNode[] = [];

async function start(...flags: string[]): Promise<ControlPlane> {
  const parsed = parseSettings([
    ...['--listen', '127.0.0.1:0', '--data-dir', join(directory, 'data'), '--heartbeat-interval', '200ms'],
    ...['--context-file', join(directory, 'contexts.yaml'), ...flags],
  ]);
  if (parsed.kind === 'exit') throw new Error(parsed.text);
  const settings: Settings = parsed.settings;
  return startControlPlane(
    settings,
    createLog(
      'debug',
      (line) => void lines.push(line),
      () => new Date(),
    ),
  );
}

function connect(id: string, from?: TestNode): TestNode {
  const node = new TestNode({ address: running.url, id, token: running.token!, beatMs: 50, ...(from && { from }) });
  nodes.push(node);
  return node;
}

const client = <S extends Parameters<typeof createGrpcClient>[0]>(service: S) =>
  createGrpcClient(service, running.url, { token: running.token! });

const service = (name: string, port: number) =>
  create(ResourceSchema, {
    name,
    spec: { case: 'service', value: { endpoints: [{ address: `127.0.0.1:${port}` }] } },
  });
const route = (name: string, to: string) =>
  create(ResourceSchema, {
    name,
    spec: { case: 'route', value: { service: to, match: [{ path: { kind: { case: 'prefix', value: `/${name}` } } }] } },
  });
const consumer = (name: string) => create(ResourceSchema, { name, spec: { case: 'consumer', value: {} } });

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-control-plane-'));
  running = await start();
});

afterAll(async () => {
  for (const node of nodes) node.close();
  await running.close();
  await rm(directory, { recursive: true, force: true });
});

describe('a control plane', () => {
  it('makes a token at its first start, for its owner only, and tells gatewayctl', async () => {
    expect((await readFile(join(directory, 'data', 'token'), 'utf8')).trim()).toBe(running.token);
    for (const name of ['data/token', 'data/secret.key', 'data/replica-id', 'contexts.yaml']) {
      expect((await stat(join(directory, name))).mode & 0o777, name).toBe(0o600);
    }
    expect(await readFile(join(directory, 'contexts.yaml'), 'utf8')).toBe(
      `currentContext: local\ncontexts:\n  - name: local\n    server: ${running.url}\n    token: ${running.token}\n`,
    );
    expect(lines.join('')).not.toContain(running.token);
  });

  it('carries a change to a node, and says when it is active', async () => {
    const node = connect('n1');
    const applied = await client(ConfigService).apply({
      resources: [service('s', 9000), route('r', 's'), consumer('c')],
    });
    expect(applied).toMatchObject({ revision: 1n, historyId: running.historyId });
    const progress = [];
    for await (const one of client(FleetService).waitForRevision({ revision: 1n })) progress.push(one);
    expect(progress.at(-1)).toMatchObject({ connected: 1, active: 1, done: true, timedOut: false, waiting: [] });
    expect([...node.config.items.keys()].sort()).toEqual(['Consumer/c', 'Route/r', 'Service/s']);
    expect(digestOf(node.config.items)).toEqual(node.config.digest);
  });

  it('carries a key, but not its secret', async () => {
    const { secret, key } = await client(KeyService).createKey({ consumer: 'c', name: 'k' });
    const node = nodes[0]!;
    await until(() => node.facts.items.size === 1);
    expect(Buffer.from(node.facts.items.get('ApiKey/k')!).includes(secret)).toBe(false);
    expect(key?.name).toBe('k');
    expect(lines.join('')).not.toContain(secret);
    await client(KeyService).revokeKey({ name: 'k' });
    await until(() => node.facts.items.size === 0);
  });

  it('refuses a change with all that is wrong with it', async () => {
    const bad = client(ConfigService).apply({ resources: [route('x', 'nowhere'), route('y', 'nowhere')] });
    const error = await bad.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: 'invalid_argument' });
    const [problems] = (error as RpcError).findDetails(ProblemsSchema);
    expect(problems?.problems.map(({ kind, name, field }) => [kind, name, field])).toEqual([
      ['Route', 'x', 'spec.service'],
      ['Route', 'y', 'spec.service'],
    ]);
  });

  it('lets only one of two writers have a revision', async () => {
    const { revision } = await client(FleetService).listNodes({});
    const write = (port: number) =>
      client(ConfigService).apply({ resources: [service('raced', port)], expectedRevision: revision });
    const outcomes = await Promise.allSettled([write(1), write(2)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'aborted' } });
  });

  it('brings a hundred changes to a node in order', async () => {
    const node = nodes[0]!;
    const config = client(ConfigService);
    for (let n = 0; n < 100; n++) await config.apply({ resources: [service('busy', 10_000 + n)] });
    const { revision } = await client(FleetService).listNodes({});
    await until(() => node.config.revision === Number(revision));
    const track = { revision: node.config.revision, digest: node.config.digest };
    const facts = { revision: node.facts.revision, digest: node.facts.digest };
    const served = { config: { position: () => track }, facts: { position: () => facts } };
    expect(checkHistory([node], served)).toEqual([]);
  });

  it('logs a line for each write, and none of what was in it', () => {
    const writes = lines.filter((line) => line.includes(' info ConfigService.Apply '));
    expect(writes[0]).toMatch(/ code=ok ms=[\d.]+ peer=127\.0\.0\.1:\d+ revision=1\n$/);
    expect(writes.find((line) => line.includes('invalid_argument'))).toBeDefined();
  });

  it('started again, has the same token, history and nodes; those resume where they were', async () => {
    const before = nodes[0]!;
    const { token, historyId } = running;
    await running.close();
    await until(() => before.ended !== undefined);
    expect(before.ended).toMatchObject({ code: 'unavailable' });
    running = await start();
    expect(running).toMatchObject({ token, historyId });
    const fleet = client(FleetService);
    expect(await fleet.getNode({ nodeId: 'n1' })).toMatchObject({ node: { state: NodeState.DISCONNECTED } });
    await client(ConfigService).apply({ resources: [service('busy', 1)] });
    const node = connect('n1', before);
    const updates = before.updates.length;
    await until(async () => (await fleet.getNode({ nodeId: 'n1' })).node?.state === NodeState.CURRENT);
    expect(before.updates).toHaveLength(updates);
    expect(node.updates.map(({ last }) => last.snapshot)).toEqual([false]);
    expect(await readFile(join(directory, 'contexts.yaml'), 'utf8')).toContain(running.url);
  });

  it('with a new history shows its nodes as diverged, until they are adopted', async () => {
    const before = nodes.at(-1)!;
    const { historyId } = running;
    await running.close();
    running = await start('--new-history');
    expect(running.historyId).not.toBe(historyId);
    const fleet = client(FleetService);
    const node = connect('n1', before);
    const isState = (state: NodeState) => async () => (await fleet.getNode({ nodeId: 'n1' })).node?.state === state;
    await until(isState(NodeState.DIVERGED));
    await fleet.adoptNode({ nodeId: 'n1' });
    await until(isState(NodeState.CURRENT));
    expect(node.historyId).toBe(running.historyId);
    await expect(fleet.adoptNode({ nodeId: 'n1' })).rejects.toMatchObject({ code: 'failed_precondition' });
    await expect(fleet.adoptNode({ nodeId: 'n9' })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('resets a breaker on its nodes', async () => {
    const node = nodes.at(-1)!;
    node.status = { breakers: [{ service: 's', state: 3, count: 5 }] };
    const fleet = client(FleetService);
    await until(async () => (await fleet.listBreakers({})).breakers.length === 1);
    expect(await fleet.listBreakers({ service: 's' })).toMatchObject({ breakers: [{ nodeId: 'n1', service: 's' }] });
    expect((await fleet.listBreakers({ service: 'other' })).breakers).toEqual([]);
    const reset = fleet.resetBreaker({ service: 's' });
    await until(() => node.commands.length === 1);
    node.say({ case: 'commandResult', value: { commandId: node.commands[0]!.commandId } });
    expect(await reset).toMatchObject({ nodeIds: ['n1'], failures: [] });
  });

  it('refuses a token that is not the one it began with', async () => {
    await running.close();
    await expect(start('--token', 'another-token-entirely')).rejects.toThrow(
      '--token is not the token that was set at the first start on this database',
    );
    running = await start('--auth', 'none');
    expect(running.token).toBeUndefined();
    expect((await createGrpcClient(FleetService, running.url).listNodes({})).nodes).toHaveLength(1);
  });
});
