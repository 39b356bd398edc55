import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openOtlp } from './otlp-target.ts';

const request = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentId: '' };
const times = { start: 1e15, end: 1e15 + 5, error: null };
const line = Buffer.from(`${JSON.stringify({ ...request, ...times, method: 'GET', attributes: {}, tries: [] })}\n`);

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
const switches = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n';

const sockets = new Set<Socket>();
let answer = ok;
const receiver = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.on('data', (bytes) => bytes.includes('POST ') && socket.write(answer));
});
afterEach(() => {
  receiver.close();
  for (const socket of sockets) socket.destroy();
});

test('a receiver that answers what never ends costs the spans of that time, and no later ones', async () => {
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const endpoint = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const target = await openOtlp(endpoint, { nodeId: 'n1', group: 'default', zone: '' }, '1', 100);
  answer = switches;
  // More than the exporter waits for at once.
  const lost = await Promise.allSettled(Array.from({ length: 40 }, () => target.send(line)));
  expect(new Set(lost.map(({ status }) => status))).toEqual(new Set(['rejected']));
  answer = ok;
  // A machine that is busy may take longer than this exporter waits.
  await expect.poll(() => target.send(line).catch(() => 0), { timeout: 20_000 }).toBe(1);
  target.close();
});
