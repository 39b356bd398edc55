/**
 * Run in a network namespace of its own by `closing-sockets.test.ts`: closes listening sockets in every way a node does while
 * clients connect, and prints what became of their requests. The clients never ask twice.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { connectAdmin } from '../harness/admin.ts';
import { startControlPlane } from '../harness/control-plane.ts';
import { forwardAll, readMetric } from '../harness/gateway.ts';
import { type Node, startNode } from '../harness/node.ts';
import { startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

/** What became of the requests of one way. */
export type Fates = { readonly requests: number; readonly lost: number };

const CLIENTS = 16;

async function main(): Promise<Readonly<Record<string, Fates>>> {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await startOrigin(() => ({ body: 'ok' })));
  const controlPlane = stack.use(await startControlPlane({ database: 'embedded' }));
  const admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(forwardAll(origin.address, { timeout: '30s' }));
  const env = { SLUICE_FAULTS: 'spin-header=x-spin' };
  const node = stack.use(await startNode({ controlPlane: controlPlane.url, env }));
  const { port } = node;

  /** Replaces both workers twice. */
  const replaced = await whileConnecting(port, async () => {
    for (let round = 1; round <= 2; round++) {
      node.process().signal('SIGUSR2');
      await leave(node, 2 * round);
    }
  });
  /** A worker is busy with one request for five seconds, with what the kernel accepted for it, and is ended. */
  const stalled = await connectToStalled(node);
  const later = stack.use(
    await startNode({ controlPlane: controlPlane.url, port, cacheDir: node.cacheDir, args: ['--takeover'] }),
  );
  const takenOver = await whileConnecting(port, async () => {
    node.process().signal('SIGTERM');
    await node.process().exited;
  });
  await later.stop();
  return { replaced, stalled, takenOver };
}

/** Clients that connect anew for each request, while something happens and a little longer. */
async function whileConnecting(port: number, act: () => Promise<void>): Promise<Fates> {
  let [requests, lost, over] = [0, 0, false];
  const run = async (): Promise<void> => {
    while (!over) {
      requests++;
      if (!(await isAnswered(port))) lost++;
    }
  };
  const clients = Array.from({ length: CLIENTS }, run);
  await pause(200);
  await act();
  await pause(200);
  over = true;
  await Promise.all(clients);
  return { requests, lost };
}

async function connectToStalled(node: Node): Promise<Fates> {
  const before = await readMetric(node, 'gateway_worker_restarts_total');
  const stuck = await connectRaw(node.port);
  stuck.send({ headers: { 'x-spin': '60000' } });
  await pause(500);
  const answered = Array.from({ length: 64 }, () => isAnswered(node.port));
  const fates = await Promise.all(answered);
  await waitFor('the stalled worker is replaced', async () => {
    return (await readMetric(node, 'gateway_worker_restarts_total')) > before && (await node.isReady());
  });
  return { requests: fates.length, lost: fates.filter((well) => !well).length };
}

async function isAnswered(port: number): Promise<boolean> {
  try {
    await using client = await connectRaw(port);
    return (await client.request({ headers: { connection: 'close' } }, 30_000)).status === 200;
  } catch {
    return false;
  }
}

const leave = (node: Node, workers: number): Promise<true> =>
  waitFor(
    'the workers have left',
    () => (node.process().output().split('worker has left').length > workers ? (true as const) : undefined),
    { deadlineMs: 60_000 },
  );

process.stdout.write(`FATES ${JSON.stringify(await main())}\n`);
process.exit(0);
