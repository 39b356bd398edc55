import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { ConfigService, FleetService, type WaitForRevisionResponse } from '@sluice/proto';
import { createGrpcClient } from '@sluice/proto/grpc-client';
import { connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { startLink } from '../harness/link.ts';
import { type Node, startNode } from '../harness/node.ts';
import { startOrigin } from '../harness/origin.ts';
import { findPostgres, startPostgres } from '../harness/postgres.ts';
import { readCpuMs } from '../harness/process-tree.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { measureRevocations, REVOCATIONS } from '../harness/revocations.ts';
import { waitFor } from '../harness/wait-for.ts';
import type { Case } from './cases.ts';
import { median, quantile } from './figure.ts';
import { formatManifest, formatPath, host, makeRouteChange } from './workload.ts';

/** A number without rounds to compare. */
export type Row = {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly note: string;
};

type ControlCase = Extract<Case, { kind: 'control' }>;

/** Measures what a change costs the control plane, the wire and the nodes, and how soon a node serves from its cache. */
export async function runControlCase(one: ControlCase, quick: boolean): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await startOrigin());
  const database = findPostgres() === undefined ? undefined : stack.use(await startPostgres({ fsync: true }));
  const controlPlane = stack.use(await startControlPlane({ database: database?.url ?? 'embedded' }));
  const store = database === undefined ? 'embedded' : 'Postgres, fsync on';
  const rows: Row[] = [];

  const upstreams = { main: origin.port, equality: origin.port };
  const manifest = formatManifest({ routes: one.routes, hotRoutes: 100, consumers: 0, body: 'small' }, upstreams);
  const startedAt = performance.now();
  await controlPlane.apply(manifest);
  rows.push({
    what: 'first apply of all routes',
    value: performance.now() - startedAt,
    unit: 'ms',
    note: 'gatewayctl, whole',
  });

  const changes = makeChanges(controlPlane, one.routes);
  rows.push(...(await measureApplies(controlPlane, changes, quick ? 4 : 10, store)));

  const link = stack.use(await startLink(controlPlane.port));
  const nodes = await Promise.all(
    Array.from({ length: one.nodes }, async (_, n): Promise<Node> => {
      const through = n === 0 ? `http://${link.address}` : controlPlane.url;
      const node = stack.use(await startNode({ controlPlane: through, id: `n${n}`, workers: 1, wait: 'started' }));
      // Ten of them start at once, on machines that may be slow.
      await node.waitUntilReady(180_000);
      return node;
    }),
  );
  rows.push(...(await measurePushes(controlPlane, changes, quick ? 20 : 60, link.bytesFrom, one.nodes)));
  changes.close();
  rows.push(...(await measureKeys(controlPlane, nodes, quick ? 20 : 100)));

  await controlPlane.kill();
  await database?.stop();
  rows.push(await measureRestart(nodes[0]!));
  return rows;
}

type Changes = {
  /** Applies the next one-route change and returns its revision. */
  readonly next: () => Promise<bigint>;
  readonly close: () => void;
};

/** Changes of one route each, every time another one. */
function makeChanges(controlPlane: ControlPlane, routes: number): Changes {
  const client = createGrpcClient(ConfigService, controlPlane.url);
  let made = 0;
  return {
    async next() {
      made += 1;
      const change = makeRouteChange((made * 7919) % routes, 'small', 20 + (made % 1000));
      return (await client.apply({ resources: [change] })).revision;
    },
    close: () => client.close(),
  };
}

/** One client that applies without a pause, no node connected. */
async function measureApplies(
  controlPlane: ControlPlane,
  changes: Changes,
  seconds: number,
  store: string,
): Promise<Row[]> {
  const { pid } = controlPlane.process();
  for (let n = 0; n < 50; n += 1) await changes.next();
  const latencies: number[] = [];
  const cpuBefore = readCpuMs(pid);
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1000) {
    const before = performance.now();
    await changes.next();
    latencies.push(performance.now() - before);
  }
  const elapsed = performance.now() - startedAt;
  const cpuMs = readCpuMs(pid) - cpuBefore;
  const stalls = await measureStalls(controlPlane, changes, 100);
  return [
    { what: 'single Applies from one client', value: latencies.length / (elapsed / 1000), unit: '/s', note: store },
    { what: 'Apply, median', value: median(latencies), unit: 'ms', note: 'over gRPC' },
    { what: 'Apply, p99', value: quantile(latencies, 0.99), unit: 'ms', note: '' },
    { what: 'control-plane CPU per Apply', value: cpuMs / latencies.length, unit: 'ms', note: 'whole process' },
    {
      what: 'longest wait for a health check',
      value: stalls,
      unit: 'ms',
      note: 'while 100 Applies run, asked every 2 ms',
    },
  ];
}

/** The longest time that a health check on a connection of its own took while changes were applied. */
async function measureStalls(controlPlane: ControlPlane, changes: Changes, applies: number): Promise<number> {
  await using client = await connectRaw(controlPlane.port);
  const request = {
    method: 'POST',
    target: '/grpc.health.v1.Health/Check',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  };
  let running = true;
  const probe = async () => {
    let longest = 0;
    while (running) {
      const before = performance.now();
      const { status } = await client.request(request);
      if (status !== 200) throw new Error(`health check: status ${status}`);
      longest = Math.max(longest, performance.now() - before);
      await delay(2);
    }
    return longest;
  };
  const longest = probe();
  for (let n = 0; n < applies; n += 1) await changes.next();
  running = false;
  return longest;
}

/** From the answer of Apply to the control plane's knowledge that every worker of every node obeys the change. */
async function measurePushes(
  controlPlane: ControlPlane,
  changes: Changes,
  count: number,
  bytesToNode: () => number,
  nodes: number,
): Promise<Row[]> {
  const fleet = createGrpcClient(FleetService, controlPlane.url);
  const pushes: number[] = [];
  const bytes: number[] = [];
  try {
    for (let n = 0; n < count + 5; n += 1) {
      const bytesBefore = bytesToNode();
      const revision = await changes.next();
      const answeredAt = performance.now();
      const done = await waitUntilActive(fleet, revision, nodes);
      if (n < 5) continue;
      pushes.push(done - answeredAt);
      bytes.push(bytesToNode() - bytesBefore);
    }
  } finally {
    fleet.close();
  }
  return [
    {
      what: `answer of Apply to active in ${nodes} nodes, median`,
      value: median(pushes),
      unit: 'ms',
      note: 'in all workers',
    },
    { what: `answer of Apply to active in ${nodes} nodes, p99`, value: quantile(pushes, 0.99), unit: 'ms', note: '' },
    { what: 'bytes to a node for a one-route change', value: median(bytes), unit: 'B', note: 'on the socket, median' },
  ];
}

/** From the answer of a revocation to the last request that was accepted, over all nodes. */
async function measureKeys(controlPlane: ControlPlane, nodes: readonly Node[], count: number): Promise<Row[]> {
  using admin = connectAdmin(controlPlane);
  await admin.applyActive(REVOCATIONS);
  const ports = nodes.map(({ port }) => port);
  const lateMs = await measureRevocations(admin, ports, count);
  const what = `a revoked key is refused by each of ${nodes.length} nodes`;
  return [
    {
      what: `${what}, median`,
      value: median(lateMs),
      unit: 'ms',
      note: 'after the answer, at 500 requests/s; at most 100',
    },
    { what: `${what}, p99`, value: quantile(lateMs, 0.99), unit: 'ms', note: 'at most 500' },
  ];
}

/** When the wait stream said that the revision is active everywhere. Throws where a node does not get there in 30 s. */
async function waitUntilActive(
  fleet: ReturnType<typeof createGrpcClient<typeof FleetService>>,
  revision: bigint,
  nodes: number,
): Promise<number> {
  const stream = fleet.waitForRevision({ revision, timeout: { seconds: 30n } });
  for await (const progress of stream) {
    const { done, timedOut, connected, active } = progress as WaitForRevisionResponse;
    if (timedOut || (done && connected !== nodes))
      throw new Error(`revision ${revision}: ${active} of ${nodes} nodes active`);
    if (done) return performance.now();
  }
  throw new Error(`the wait for revision ${revision} ended early`);
}

/** From the start of the node's process, with control plane and database gone, to its first 200. */
async function measureRestart(node: Node): Promise<Row> {
  await node.stop();
  const startedAt = performance.now();
  const started = node.start();
  await waitFor(
    'the node answers from its cache',
    async () => {
      await using client = await connectRaw(node.port);
      const { status } = await client.request({ target: formatPath(0, 'small'), headers: { host } });
      return status === 200;
    },
    { deadlineMs: 30_000, everyMs: 5 },
  );
  const value = performance.now() - startedAt;
  const cpuMs = readCpuMs(node.process().pid);
  await started;
  const note = `control plane and database gone; ${cpuMs} ms of CPU`;
  return { what: 'node restart to its first 200', value, unit: 'ms', note };
}
