/** Large bodies pass at the pace of whoever takes them, and the node holds no more of them than a few buffers. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { waitFor } from '../harness/wait-for.ts';

const mib = 1 << 20;
/** Of one body: several times what the kernel's own buffers hold on the way. */
const bodyBytes = 100 * mib;
const slowBytesPerSecond = 25 * mib;
/** What the kernel may hold in four socket buffers (tcp_wmem, tcp_rmem), and the node in its own. */
const mostOnTheWay = 40 * mib;
/** A quarter of what passes: buffers are garbage for a while before they are collected. */
const mostGrowth = 96 * mib;

const stack = new AsyncDisposableStack();
let gateway: Gateway;

/** What one body was when it left, and what of it arrived. */
type Passage = { sent: number; sentCrc: number; taken: number; takenCrc: number; ahead: number };
const passages = new Map<string, Passage>();

function passageOf(id: string): Passage {
  const known = passages.get(id) ?? { sent: 0, sentCrc: 0, taken: 0, takenCrc: 0, ahead: 0 };
  passages.set(id, known);
  return known;
}

beforeAll(async () => {
  const sockets = new Set<Socket>();
  /** One request a connection: GET gets a body as fast as it is taken, PUT has its body read slowly. */
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    void readHead(socket).then(async (head) => {
      const [, method, size, pace, id] = /^(GET|PUT) \/(\d+)\/(\d+)\/(\S+) /.exec(head)!;
      const passage = passageOf(id!);
      if (method === 'GET') {
        socket.write(`HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ${size}\r\n\r\n`);
        await send(socket, Number(size), passage);
      } else {
        await take(socket, Number(size), Number(pace), passage);
        socket.write('HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n');
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  gateway = stack.use(
    await startGateway({
      manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "127.0.0.1:${(server.address() as { port: number }).port}" }] }
---
kind: Route
name: all
spec: { match: [{ path: { prefix: / } }], service: s, bodyBytes: 1GiB, timeout: 60s }
`,
    }),
  );
});

afterAll(() => stack.disposeAsync());

/** The head that a socket begins with; what came behind it is left to be read. */
async function readHead(socket: Socket): Promise<string> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await once(socket, 'readable');
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) continue;
    if (bytes.length > end + 4) socket.unshift(bytes.subarray(end + 4));
    return bytes.toString('latin1', 0, end);
  }
}

async function send(socket: Socket, size: number, passage: Passage): Promise<void> {
  const block = Buffer.alloc(64 * 1024);
  while (passage.sent < size && !socket.destroyed) {
    const piece = Buffer.from(block.fill(passage.sent / block.length).subarray(0, size - passage.sent));
    passage.sent += piece.length;
    passage.sentCrc = crc32(piece, passage.sentCrc);
    if (!socket.write(piece)) await once(socket, 'drain');
  }
}

/** Reads a body of `size` bytes at `bytesPerSecond`, 0: as fast as it comes. */
async function take(socket: Socket, size: number, bytesPerSecond: number, passage: Passage): Promise<void> {
  const startedMs = performance.now();
  const done = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    passage.taken += chunk.length;
    passage.takenCrc = crc32(chunk, passage.takenCrc);
    passage.ahead = Math.max(passage.ahead, passage.sent - passage.taken);
    if (passage.taken >= size) done.resolve();
    const dueMs = bytesPerSecond === 0 ? 0 : (passage.taken / bytesPerSecond) * 1000 - (performance.now() - startedMs);
    if (dueMs <= 5) return;
    socket.pause();
    setTimeout(() => socket.resume(), dueMs);
  });
  socket.once('close', () => done.resolve());
  socket.resume();
  await done.promise;
}

/** One body through the node, down or up, read at the given pace. */
async function pass(method: 'GET' | 'PUT', size: number, pace: number, id: string): Promise<Passage> {
  const socket = connect(gateway.node.port, '127.0.0.1');
  const passage = passageOf(id);
  const length = method === 'PUT' ? `content-length: ${size}\r\n` : '';
  socket.write(`${method} /${size}/${pace}/${id} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n${length}\r\n`);
  if (method === 'PUT') await send(socket, size, passage);
  expect(await readHead(socket)).toMatch(method === 'PUT' ? /^HTTP\/1.1 204 / : /^HTTP\/1.1 200 /);
  if (method === 'GET') await take(socket, size, pace, passage);
  socket.destroy();
  return passage;
}

function readRssBytes(): number {
  const status = readFileSync(`/proc/${gateway.node.process().pid}/status`, 'latin1');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

// /proc/PID/status is Linux's.
test.skipIf(process.platform !== 'linux')(
  '100 MiB each way to slow readers, two at a time: the node grows by a few buffers, and every byte arrives',
  async () => {
    const both = (size: number, pace: number, round: string) =>
      Promise.all(
        [0, 1].flatMap((n) => [
          pass('GET', size, pace, `${round}-down-${n}`),
          pass('PUT', size, pace, `${round}-up-${n}`),
        ]),
      );
    for (let round = 0; round < 3; round++) await both(16 * mib, 0, `warm-${round}`);
    await waitFor('it is idle', async () => (await readMetric(gateway.node, 'gateway_active_requests')) === 0);

    const before = readRssBytes();
    let most = before;
    const sampling = setInterval(() => {
      most = Math.max(most, readRssBytes());
    }, 25);
    const startedMs = performance.now();
    const passed = await both(bodyBytes, slowBytesPerSecond, 'slow');
    clearInterval(sampling);

    for (const { sent, sentCrc, taken, takenCrc, ahead } of passed) {
      expect([taken, takenCrc]).toEqual([sent, sentCrc]);
      expect(sent).toBe(bodyBytes);
      expect(ahead).toBeLessThan(mostOnTheWay);
    }
    expect(performance.now() - startedMs).toBeGreaterThan((bodyBytes / slowBytesPerSecond) * 900);

    expect(most - before).toBeLessThan(mostGrowth);
  },
);
