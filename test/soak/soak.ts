import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../fuzz/random.ts';
import { connectAdmin } from '../harness/admin.ts';
import { startControlPlane } from '../harness/control-plane.ts';
import { readMetric } from '../harness/gateway.ts';
import { startLink } from '../harness/link.ts';
import { type Node, startNode } from '../harness/node.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type HeapProbe, type HeapSample, openHeapProbe } from './heap-probe.ts';
import { type Operations, runOperations } from './operations.ts';
import { startSoakOrigin } from './soak-origin.ts';
import { newTally, runTraffic, type Tally } from './traffic.ts';
import { judge, type Sample } from './verdict.ts';

export type SoakOptions = {
  readonly seed: number;
  readonly durationMs: number;
  /** Between two looks at the node. */
  readonly intervalMs: number;
  /** Clients at a time. */
  readonly clients: number;
  readonly write: (line: string) => void;
};

/** Looks that there are at least: where the machine has so little time that a look takes many seconds, it goes on for longer. */
const MIN_SAMPLES = 6;
const LIMIT = { requests: 4, perMs: 1_000, burst: 10 };

/** Loads a node with everything clients do and everything that goes wrong around it. Resolves to what speaks against it. */
export async function soak({ seed, durationMs, intervalMs, clients, write }: SoakOptions): Promise<string[]> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await startSoakOrigin());
  const controlPlane = stack.use(await startControlPlane());
  const admin = stack.use(connectAdmin(controlPlane));
  const manifest = (state: number): string => configuration(origin.address, state);
  await admin.apply(manifest(1));
  const key = await admin.createKey('soak', 'soak');
  const link = stack.use(await startLink(controlPlane.port));
  const node = stack.use(
    await startNode({ controlPlane: `http://${link.address}`, env: { NODE_OPTIONS: '--inspect=127.0.0.1:0' } }),
  );
  const [, inspectorUrl] = await node.process().line(/Debugger listening on (ws:\S+)/);
  const probe = stack.use(await openHeapProbe(inspectorUrl!));
  const tally = newTally();
  const operations: Operations = { active: 1, begun: 1, replaced: 0, counts: {} };
  const startedMs = performance.now();
  let stopping = false;
  const samples: Sample[] = [];
  const stopped = (): boolean => {
    const ranMs = performance.now() - startedMs;
    return stopping || ranMs > 3 * durationMs || (ranMs > durationMs && samples.length >= MIN_SAMPLES);
  };
  const traffic = runTraffic(
    clients,
    {
      ...{ port: node.port, random: seededRandom(seed), key },
      states: { active: () => operations.active, begun: () => operations.begun },
    },
    tally,
    stopped,
  );
  const operating = runOperations(
    {
      ...{ admin, node, link, random: seededRandom(seed + 1), manifest },
      warmingUp: () => performance.now() - startedMs < durationMs / 5,
    },
    operations,
    stopped,
  ).catch((error: unknown) => void tally.wrong.push(`operations: ${String(error)}`));
  let told = 0;
  write(header());
  while (!stopped()) {
    await pause(intervalMs);
    const sample = await look(node, probe, performance.now() - startedMs);
    samples.push(sample);
    write(row(sample, tally, operations));
    for (const what of tally.wrong.slice(told)) write(`wrong: ${what}`);
    told = tally.wrong.length;
    if (node.process().exit() !== undefined) stopping = true;
  }
  await Promise.all([traffic, operating]);
  const ranMs = performance.now() - startedMs;
  const most = LIMIT.burst + (ranMs / LIMIT.perMs) * LIMIT.requests + 1;
  if (tally.admitted > most) tally.wrong.push(`a limit of ${Math.floor(most)} admitted ${tally.admitted}`);
  write(`did: ${describe(tally.kinds)}`);
  write(`answers: ${describe(tally.statuses)}; requests that met the end of an idle connection: ${tally.races}`);
  write(`operations: ${describe(operations.counts)}`);
  return judge({
    answers: tally.answers,
    wrong: tally.wrong,
    samples,
    left: await leftOver(node, probe),
    lateWorkers: await lateWorkers(node, operations.replaced),
  });
}

/** What is open or counted once nobody asks any more. */
async function leftOver(node: Node, probe: HeapProbe): Promise<Record<string, number>> {
  const read = async (): Promise<Record<string, number>> => ({
    'active connections': await readMetric(node, 'gateway_active_connections'),
    'active requests': await readMetric(node, 'gateway_active_requests'),
    'workers that crashed': crashes(node),
    'sockets of clients and upstreams': Math.max(0, sockets(await probe.sample()) - MAX_OWN_SOCKETS),
  });
  await waitFor('nothing is left', async () => Object.values(await read()).every((count) => count === 0), {
    deadlineMs: 30_000,
    everyMs: 500,
  }).catch(() => undefined);
  return read();
}

function crashes(node: Node): number {
  return node.process().output().split('worker crashed').length - 1;
}

/** Workers that the node took for stuck, those `replaced` on purpose left out. */
async function lateWorkers(node: Node, replaced: number): Promise<number> {
  return (await readMetric(node, 'gateway_worker_restarts_total')) - replaced - crashes(node);
}

/** The connection to the control plane, that of the last look, and idle ones to the upstream. */
const MAX_OWN_SOCKETS = 16;

async function look(node: Node, probe: HeapProbe, atMs: number): Promise<Sample> {
  // What one collection leaves differs; the least of two is what is held.
  const heaps: HeapSample[] = [];
  for (let n = 0; n < 2; n++) heaps.push(await probe.sample());
  const { pid } = node.process();
  return {
    atMs,
    heapMb: Math.min(...heaps.map(({ heapBytes }) => heapBytes)) / 2 ** 20,
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    fds: readdirSync(`/proc/${pid}/fd`).length,
    timers: heaps.at(-1)!.resources.Timeout ?? 0,
  };
}

function sockets({ resources }: HeapSample): number {
  return resources.TCPSocketWrap ?? 0;
}

const COLUMNS = ['seconds', 'answers', 'wrong', 'races', 'state', 'heap MB', 'RSS MB', 'files', 'timers'];

function header(): string {
  return COLUMNS.map((name) => name.padStart(9)).join('');
}

function row({ atMs, heapMb, rssMb, fds, timers }: Sample, tally: Tally, { active }: Operations): string {
  const { answers, wrong, races } = tally;
  return [
    Math.round(atMs / 1000),
    answers,
    wrong.length,
    races,
    active,
    heapMb.toFixed(1),
    Math.round(rssMb),
    fds,
    timers,
  ]
    .map((value) => String(value).padStart(9))
    .join('');
}

function describe(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function configuration(address: string, state: number): string {
  const { requests, perMs, burst } = LIMIT;
  const shown = `responseHeaders: { set: { x-state: "${state}" } }`;
  return `
kind: Consumer
name: soak
spec: {}
---
kind: Service
name: steady
spec: { endpoints: [{ address: "${address}" }], timeout: 30s }
---
kind: Service
name: fragile
spec: { endpoints: [{ address: "${address}" }], timeout: 500ms }
---
kind: Route
name: ok
spec: { match: [{ path: { prefix: /ok } }], service: steady, ${shown} }
---
kind: Route
name: key
spec: { match: [{ path: { prefix: /key } }], service: steady, auth: { anyOf: [{ apiKey: {} }] }, ${shown} }
---
kind: Route
name: limited
spec:
  match: [{ path: { prefix: /limited } }]
  service: steady
  rateLimits: [{ name: each, tokenBucket: { requests: ${requests}, per: ${perMs / 1000}s, burst: ${burst} } }]
---
kind: Route
name: fail
spec: { match: [{ path: { prefix: /fail } }], service: fragile }
`;
}
