/** Peers that vanish without a word, on either side, hold nothing for long; and a body that is larger than memory passes through. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { type Link, startLink } from '../harness/link.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const mib = 2 ** 20;
/** Many times what all buffers on the way hold. A body of 1 GiB: SLUICE_UPLOAD_MIB=1024. */
const uploadMib = Number(process.env.SLUICE_UPLOAD_MIB ?? 256);
const stack = new AsyncDisposableStack();
let origin: Origin;
let link: Link;
let sink: { readonly port: number; taken: number };
let gateway: Gateway;

beforeAll(async () => {
  origin = stack.use(await startOrigin(() => ({ body: 'ok' })));
  link = stack.use(await startLink(origin.port));
  sink = await startSink();
  gateway = stack.use(
    await startGateway({
      manifest: `
kind: Service
name: linked
spec: { endpoints: [{ address: "${link.address}" }], connections: { perEndpoint: 8 } }
---
kind: Service
name: sink
spec: { endpoints: [{ address: "127.0.0.1:${sink.port}" }] }
---
kind: Route
name: linked
spec: { match: [{ path: { prefix: /linked } }], service: linked, timeout: 3s }
---
kind: Route
name: sink
spec: { match: [{ path: { prefix: /sink } }], service: sink, bodyBytes: 64GiB, timeout: 120s }
`,
      node: { workers: 1 },
    }),
  );
});

afterAll(() => stack.disposeAsync());

/** Counts what it gets of each body and answers when it has all of it. */
async function startSink(): Promise<{ readonly port: number; taken: number }> {
  const self = { port: 0, taken: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    let left = -1;
    socket.on('data', (chunk: Buffer) => {
      if (left < 0) {
        const text = chunk.toString('latin1');
        left = Number(/content-length: (\d+)/i.exec(text)![1]) - (chunk.length - text.indexOf('\r\n\r\n') - 4);
      } else left -= chunk.length;
      self.taken += chunk.length;
      if (left === 0) socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  self.port = (server.address() as { port: number }).port;
  return self;
}

async function ask(): Promise<number> {
  await using client = await connectRaw(gateway.node.port);
  return (await client.request({ target: '/linked' })).status;
}

const connections = (): Promise<number> => readMetric(gateway.node, 'gateway_upstream_connections', 'service="linked"');

test('an upstream that vanished under idle connections costs one timeout, not one for each of them', async () => {
  const together = await Promise.all(Array.from({ length: 8 }, () => connectRaw(gateway.node.port)));
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  origin.reply = async () => {
    await held;
    return { body: 'ok' };
  };
  for (const client of together) client.send({ target: '/linked' });
  await origin.waitForRequests(8);
  release();
  for (const client of together) expect((await client.read()).status).toBe(200);
  for (const client of together) client.end();
  expect(await connections()).toBe(8);
  origin.reply = () => ({ body: 'ok' });

  link.blackHole();
  expect(await ask()).toBe(504);
  expect(await connections()).toBe(0);
  await link.heal();
  for (let n = 0; n < 8; n++) expect(await ask()).toBe(200);
  await waitFor('no request is active', async () => (await readMetric(gateway.node, 'gateway_active_requests')) === 0);
});

// Linux says which timers a connection has, in /proc/net/tcp.
test.skipIf(process.platform !== 'linux')(
  'the kernel asks idle peers on both sides whether they are there',
  async () => {
    expect(await ask()).toBe(200);
    await using client = await connectRaw(gateway.node.port);
    expect((await client.request({ target: '/linked' })).status).toBe(200);
    const ports = [
      [gateway.node.port, client.localPort],
      [undefined, link.port],
    ] as const;
    await waitFor('keep-alive timers run', () => ports.every(([local, remote]) => hasKeepAlive(local, remote)));
  },
);

/** Whether an established connection of 127.0.0.1 between these ports has its keep-alive timer running (proc_net_tcp: tr is 2). */
function hasKeepAlive(localPort: number | undefined, remotePort: number): boolean {
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .some(([, local = '', remote = '', state, , timer = '']) => {
      const isLocal = localPort === undefined || local === addressOf(localPort);
      return isLocal && remote === addressOf(remotePort) && state === '01' && timer.startsWith('02:');
    });
}

function addressOf(port: number): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

// /proc/PID/status is Linux's.
test.skipIf(process.platform !== 'linux')(
  `a body of ${uploadMib} MiB passes through a node that grows by a few buffers`,
  async () => {
    const pid = gateway.node.process().pid;
    const upload = async (size: number): Promise<void> => {
      const socket = connect(gateway.node.port, '127.0.0.1');
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
      });
      socket.write(`PUT /sink HTTP/1.1\r\nhost: h\r\ncontent-length: ${size}\r\n\r\n`);
      const block = Buffer.alloc(2 ** 18, 'x');
      for (let sent = 0; sent < size; sent += block.length) {
        if (!socket.write(block)) await once(socket, 'drain');
      }
      await waitFor('the answer', () => answer.endsWith('ok'), { deadlineMs: 60_000 });
      expect(answer).toMatch(/^HTTP\/1.1 200 /);
      socket.destroy();
    };
    await upload(128 * mib);
    const before = readRssBytes(pid);
    let most = before;
    const sampling = setInterval(() => {
      most = Math.max(most, readRssBytes(pid));
    }, 25);
    sink.taken = 0;
    await upload(uploadMib * mib);
    clearInterval(sampling);
    expect(sink.taken).toBeGreaterThan(uploadMib * mib);
    expect(most - before).toBeLessThan(96 * mib);
  },
);

function readRssBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) * 1024;
}
