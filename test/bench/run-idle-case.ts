import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Case } from './cases.ts';
import type { Outcome, Rounds } from './run-proxy-case.ts';
import type { Sample } from './sample.ts';
import { startSluice } from './sluice.ts';
import { startUpstream } from './upstream.ts';
import { formatPath, host, type Workload } from './workload.ts';

type IdleCase = Extract<Case, { kind: 'idle' }>;

const workload: Workload = { routes: 10, hotRoutes: 10, consumers: 0, body: 'small' };
const request = `GET ${formatPath(0, 'small')} HTTP/1.1\r\nhost: ${host}\r\nuser-agent: bench\r\naccept: */*\r\n\r\n`;
const listener = `---
kind: Listener
name: http
spec: { address: "127.0.0.1:80", limits: { keepAliveTimeout: 1h, connections: 100000 } }
`;

/** Resident memory before and after so many connections were opened and asked for one request each; a new node each round. */
export async function runIdleCase(one: IdleCase, rounds: Rounds): Promise<Outcome> {
  const count = rounds.count > 3 ? 3 : 1;
  const samples: Sample[] = [];
  for (let round = 0; round < count; round += 1) samples.push(await measureIdle(one.connections));
  return {
    candidates: [{ name: 'sluice', samples }],
    problems: [],
    notes: ["VmRSS of the node, its buffers included; the kernel's part of a connection is not"],
  };
}

async function measureIdle(connections: number): Promise<Sample> {
  await using stack = new AsyncDisposableStack();
  const upstream = stack.use(await startUpstream());
  const upstreams = { main: upstream.port, equality: upstream.port };
  const sluice = stack.use(await startSluice('sluice', workload, upstreams, { manifest: listener }));
  const sockets: Socket[] = [];
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
  });
  // What any load leaves in pools, caches and compiled code is not the connections'.
  for (const socket of await openAll(sluice.port, 1000)) socket.destroy();
  const before = await readSettledKib(sluice.pid);
  sockets.push(...(await openAll(sluice.port, connections)));
  const after = await readSettledKib(sluice.pid);
  if (sockets.some((socket) => socket.destroyed))
    throw new Error('an idle connection was closed while it was measured');
  return { kibPerConnection: (after - before) / connections, requests: connections, errors: 0 };
}

async function openAll(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let n = 0; n < count; n += 100)
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(100, count - n) }, (_, i) => open(port, n + i)))));
  return sockets;
}

/** A connection that has had one answer. They come from many addresses, as those of 10,000 clients would. */
async function open(port: number, n: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${1 + (n % 200)}` });
  const answered = Promise.withResolvers<void>();
  socket.once('connect', () => socket.write(request)).once('error', answered.reject);
  socket.once('data', () => answered.resolve());
  await answered.promise;
  return socket;
}

/** The least of what is resident over three seconds, in which the node collects its garbage if it ever does by itself. */
async function readSettledKib(pid: number): Promise<number> {
  let least = Infinity;
  for (let n = 0; n < 10; n += 1) {
    // Time itself: nothing tells when a collection is over.
    await delay(300);
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    least = Math.min(least, Number(/^VmRSS:\s+(\d+) kB/m.exec(status)![1]));
  }
  return least;
}
