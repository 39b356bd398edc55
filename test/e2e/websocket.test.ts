/** WebSockets through a node of two workers, with the client and the server of ws. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { waitFor, within } from '../harness/wait-for.ts';
import { acceptOf } from '../harness/websocket.ts';

const mib = 1 << 20;
/** Many times what all buffers on the way hold. A frame of 1 GiB: SLUICE_FRAME_MIB=1024. */
const frameMib = Number(process.env.SLUICE_FRAME_MIB ?? 256);
const stack = new AsyncDisposableStack();
/** Echoes; what clients send as `close CODE` it answers with that Close frame. */
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  handleProtocols: () => 'chat',
  perMessageDeflate: true,
});
const listening = once(server, 'listening');
let gateway: Gateway;
let raw: { port: number; onTunnel: (socket: Socket) => void };
let key: string;

beforeAll(async () => {
  server.on('connection', (socket) => {
    socket.on('message', (data: Buffer, isBinary) => {
      const [, code] = /^close (\d+)$/.exec(isBinary ? '' : data.toString()) ?? [];
      if (code === undefined) socket.send(data, { binary: isBinary });
      else socket.close(Number(code), 'as asked');
    });
  });
  await listening;
  stack.defer(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  raw = await startRaw();
  const env = { SLUICE_FAULTS: 'crash-header=x-crash' };
  gateway = stack.use(await startGateway({ manifest: manifest(), node: { args: ['--drain-timeout', '5s'], env } }));
  key = await gateway.admin.createKey('k', 'c');
});

afterAll(() => stack.disposeAsync());

function manifest(edit = ''): string {
  return `
kind: Service
name: s
spec: { endpoints: [{ address: "127.0.0.1:${(server.address() as AddressInfo).port}" }] }
---
kind: Service
name: raw
spec: { endpoints: [{ address: "127.0.0.1:${raw.port}" }] }
---
kind: Consumer
name: c
spec: {}
---
kind: Route
name: all
spec:
  match: [{ path: { prefix: / } }]
  service: s
  webSocket: true
  auth: { anyOf: [{ apiKey: {} }], optional: true }
  ${edit}
---
kind: Route
name: raw
spec: { match: [{ path: { prefix: /raw } }], service: raw, webSocket: true, streamIdleTimeout: 3s }
`;
}

/** An upstream that switches, and then does with its socket what a test says. */
async function startRaw(): Promise<typeof raw> {
  const sockets = new Set<Socket>();
  const self: typeof raw = { port: 0, onTunnel: () => undefined };
  const origin = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.once('data', (head) => {
      const [, asked = ''] = /^sec-websocket-key: (.*)\r$/im.exec(head.toString('latin1')) ?? [];
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${acceptOf(asked)}\r\n\r\n`,
      );
      self.onTunnel(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(origin, 'listening');
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    origin.close();
  });
  self.port = (origin.address() as AddressInfo).port;
  return self;
}

async function openSocket(headers: Record<string, string> = {}): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.node.port}/any`, ['chat', 'other'], { headers });
  await within('a WebSocket opens', once(socket, 'open'));
  return socket;
}

async function echo(socket: WebSocket, data: string | Buffer): Promise<Buffer> {
  const answer = once(socket, 'message') as Promise<[Buffer]>;
  socket.send(data);
  return (await within('an echo', answer))[0];
}

async function closing(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await within('the end of a WebSocket', once(socket, 'close'), 20_000)) as [number, Buffer];
  return [code, reason.toString()];
}

/** A connection on which the raw upstream has switched, paused; what came behind the head is read next. */
async function openRaw(): Promise<Socket> {
  const socket = connect({ port: gateway.node.port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  socket.write(
    'GET /raw HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  const read = async (): Promise<string> => {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.pause();
    const head = chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n') + 4;
    if (end < chunk.length) socket.unshift(chunk.subarray(end));
    return head.slice(0, end);
  };
  expect(await within('a 101', read())).toMatch(/^HTTP\/1.1 101 /);
  return socket;
}

function peakRssBytes(): number {
  const status = readFileSync(`/proc/${gateway.node.process().pid}/status`, 'latin1');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

const activeTunnels = () => readMetric(gateway.node, 'gateway_active_tunnels');

describe('the client and the server of ws, with a subprotocol and compression', () => {
  test('exchange messages of every size, fragments and pings, and close as one of them says', async () => {
    const socket = await openSocket();
    expect([socket.protocol, socket.extensions]).toEqual(['chat', 'permessage-deflate']);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 3 * mib]) {
      const data = Buffer.alloc(size, size % 251);
      expect((await echo(socket, data)).equals(data)).toBe(true);
    }
    expect((await echo(socket, 'grüße')).toString()).toBe('grüße');
    const fragments = once(socket, 'message') as Promise<[Buffer]>;
    for (const part of ['one', 'two', 'three']) socket.send(part, { fin: part === 'three' });
    expect((await fragments)[0].toString()).toBe('onetwothree');
    const pong = once(socket, 'pong') as Promise<[Buffer]>;
    socket.ping('are you there');
    expect((await within('a pong', pong))[0].toString()).toBe('are you there');
    socket.send('close 4001');
    expect(await closing(socket)).toEqual([4001, 'as asked']);
    await waitFor('no tunnel', async () => (await activeTunnels()) === 0);
    expect(await readMetric(gateway.node, 'gateway_requests_total', 'status="101"')).toBe(1);
    await waitFor('no request', async () => (await readMetric(gateway.node, 'gateway_active_requests')) === 0);
  });

  test('many at once, over both workers', async () => {
    const sockets = await Promise.all(Array.from({ length: 60 }, () => openSocket()));
    // A client may have its 101 a moment before its worker has counted.
    await waitFor('all are counted', async () => (await activeTunnels()) === 60);
    await Promise.all(
      sockets.map(async (socket, index) => {
        for (let i = 0; i < 20; i++) expect((await echo(socket, `${index} ${i}`)).toString()).toBe(`${index} ${i}`);
      }),
    );
    for (const socket of sockets) socket.close();
    await waitFor('no tunnel', async () => (await activeTunnels()) === 0);
  });
});

test('changes of the configuration leave a tunnel alone; a revoked key ends its own within 5 s', async () => {
  const [revoked, anonymous] = [await openSocket({ 'x-api-key': key }), await openSocket()];
  await gateway.admin.applyActive(manifest('responseHeaders: { set: { x: y } }'));
  expect((await echo(revoked, 'still')).toString()).toBe('still');
  using clock = watchLostTime();
  const ended = closing(revoked);
  await gateway.admin.keys.revokeKey({ name: 'k' });
  expect((await ended)[0]).toBe(1008);
  expect(clock.elapsedMs()).toBeLessThan(clock.allow(5000));
  expect((await echo(anonymous, 'still')).toString()).toBe('still');
  anonymous.close();
});

const passesFlat = `a frame of ${frameMib} MiB passes in flat memory`;
// /proc/PID/status is Linux's.
test.skipIf(process.platform !== 'linux')(passesFlat, async () => {
  const size = frameMib * mib;
  const header = Buffer.alloc(10);
  header.writeUInt16BE(0x82_7f);
  header.writeBigUInt64BE(BigInt(size), 2);
  raw.onTunnel = (socket) => {
    const block = Buffer.alloc(mib);
    let left = size / block.length;
    const go = () => {
      while (left > 0) {
        left--;
        if (!socket.write(block)) {
          socket.once('drain', go);
          return;
        }
      }
    };
    socket.write(header, go);
  };
  const before = peakRssBytes();
  const socket = await openRaw();
  let taken = 0;
  await within(
    'the frame',
    new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => {
        taken += chunk.length;
        if (taken >= size + header.length) resolve();
      });
      socket.resume();
    }),
    170_000,
  );
  expect(taken).toBe(size + header.length);
  expect(peakRssBytes() - before).toBeLessThan(96 * mib);
  socket.destroy();
});

// /proc/PID/status is Linux's.
test.skipIf(process.platform !== 'linux')('clients that never read cost a bounded memory, and are cut', async () => {
  const clients = 40;
  const block = Buffer.alloc(256 * 1024);
  raw.onTunnel = (socket) => {
    const go = () => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on('drain', go);
    go();
  };
  const before = peakRssBytes();
  const sockets = [];
  for (let i = 0; i < clients; i++) {
    sockets.push(await openRaw());
  }
  await waitFor('all are cut', async () => (await activeTunnels()) === 0);
  const ended = async (ending: string) =>
    await readMetric(gateway.node, 'gateway_tunnels_total', `route="raw",ending="${ending}"`);
  expect((await ended('stalled')) + (await ended('memory'))).toBe(clients);
  expect(peakRssBytes() - before).toBeLessThan(128 * mib);
  for (const socket of sockets) socket.destroy();
});

test('a worker that crashes takes its own tunnels with it and gives back their places; the others go on', async () => {
  const sockets = await Promise.all(Array.from({ length: 24 }, () => openSocket()));
  const restarts = () => readMetric(gateway.node, 'gateway_worker_restarts_total');
  const before = await restarts();
  let lost = 0;
  for (const socket of sockets) socket.on('error', () => undefined).on('close', () => lost++);
  await fetch(`http://127.0.0.1:${gateway.node.port}/any`, { headers: { 'x-crash': '1' } }).catch(() => undefined);
  await waitFor('the crash', async () => (await restarts()) > before);
  await waitFor('as many tunnels as sockets', async () => (await activeTunnels()) === 24 - lost && lost > 0);
  expect(lost).toBeLessThan(24);
  await waitFor('as many at the upstream', () => server.clients.size === 24 - lost);
  const left = sockets.filter((socket) => socket.readyState === WebSocket.OPEN);
  expect(left.length).toBe(24 - lost);
  for (const socket of left) expect((await echo(socket, 'still')).toString()).toBe('still');
  for (const socket of left) socket.close();
  await waitFor('no tunnel', async () => (await activeTunnels()) === 0);
});

test('workers that are replaced close their tunnels with 1001; whoever comes back is served by their successors', async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket()));
  const endings = sockets.map(async (socket) => {
    const [code] = await closing(socket);
    const again = await openSocket();
    const answer = await echo(again, 'again');
    return [code, answer.toString(), again] as const;
  });
  gateway.node.process().signal('SIGUSR2');
  for (const [code, answer, again] of await Promise.all(endings)) {
    expect([code, answer]).toEqual([1001, 'again']);
    again.terminate();
  }
});

test('a node that ends closes its tunnels with 1001, spread over its time to drain, and waits for them', async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket()));
  const endings = sockets.map(closing);
  const stopped = gateway.node.stop();
  for (const [code] of await Promise.all(endings)) expect(code).toBe(1001);
  await stopped;
  expect(server.clients.size).toBe(0);
});
