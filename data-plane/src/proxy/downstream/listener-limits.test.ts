/**
 * Every limit of a listener on a socket: what is just within it passes, what is just beyond it does not. Connections:
 * connection-caps.test.ts.
 */
import { performance } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const HOST = 'Host: a\r\n';

async function startWith(limits: object): Promise<ProxyRig> {
  const listener = { kind: 'Listener', name: 'http', spec: { address: '127.0.0.1:80', limits } };
  return await ProxyRig.start(manifestsOf(listener, service(), route()));
}

async function statusOf(rig: ProxyRig, request: string): Promise<number> {
  rig.origin.answer(() => OK);
  const client = await rig.connect();
  client.send(request);
  return Number((await client.takeMessage()).head.slice(9, 12));
}

describe('headerBytes and headerCount', () => {
  const withFields = (fields: string) => `GET /x HTTP/1.1\r\n${HOST}${fields}\r\n`;
  const ofBytes = (bytes: number) => withFields(`X: ${'a'.repeat(bytes - HOST.length - 'X: \r\n\r\n'.length)}\r\n`);
  const ofLines = (count: number) => withFields('X: a\r\n'.repeat(count - 1));

  test.each([
    ['1,024 bytes with their ends', { headerBytes: '1KiB' }, ofBytes(1024), 200],
    ['one more', { headerBytes: '1KiB' }, ofBytes(1025), 431],
    ['32 KiB where nothing is said', {}, ofBytes(32 * 1024), 200],
    ['one more', {}, ofBytes(32 * 1024 + 1), 431],
    ['7 lines', { headerCount: 7 }, ofLines(7), 200],
    ['one more', { headerCount: 7 }, ofLines(8), 431],
    ['100 lines where nothing is said', {}, ofLines(100), 200],
    ['one more', {}, ofLines(101), 431],
  ])('%s with %j: %#', async (_, limits, request, status) => {
    await using rig = await startWith(limits);
    expect(await statusOf(rig, request)).toBe(status);
  });
});

describe('bodyBytes', () => {
  const limits = { bodyBytes: '1KiB' };
  const ofLength = (bytes: number) => `POST /x HTTP/1.1\r\n${HOST}Content-Length: ${bytes}\r\n\r\n${'a'.repeat(bytes)}`;
  const inChunks = (bytes: number) =>
    `POST /x HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${(bytes - 1).toString(16)}\r\n${'a'.repeat(bytes - 1)}\r\n1\r\na\r\n0\r\n\r\n`;

  test.each([
    ['by length', ofLength(1024), 200],
    ['by length', ofLength(1025), 413],
    ['in chunks', inChunks(1024), 200],
    ['in chunks', inChunks(1025), 413],
  ])('%s: %#', async (_, request, status) => {
    await using rig = await startWith(limits);
    expect(await statusOf(rig, request)).toBe(status);
  });
});

describe('a time', () => {
  const limitMs = 400;
  const limits = {
    headerTimeout: `${limitMs}ms`,
    bodyIdleTimeout: `${limitMs}ms`,
    keepAliveTimeout: `${limitMs}ms`,
  };
  /** The wheel's own step, by which a deadline may come early. */
  const stepMs = 30;

  /** Sends a byte now and then until the client is answered or ended; the time from the first of them. */
  async function drip(client: RawPeer, byte: string, until: () => Promise<unknown>): Promise<number> {
    const startedMs = performance.now();
    const dripping = setInterval(() => client.send(byte), limitMs / 10);
    await until();
    clearInterval(dripping);
    return performance.now() - startedMs;
  }

  test('for a head runs from its first byte to its last, and not before', async () => {
    await using rig = await startWith(limits);
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    client.send('G');
    const message = Promise.withResolvers<{ head: string; body: string }>();
    const tookMs = await drip(client, 'X', async () => message.resolve(await client.takeMessage()));
    expect(problemOf(await message.promise)).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(tookMs).toBeGreaterThan(limitMs - stepMs);
    expect(await client.takeEnding()).toBe('end');
  });

  test('for a body is that between two pieces: 30 of them pass, however long they take, and then the pause does not', async () => {
    await using rig = await startWith({ ...limits, bodyIdleTimeout: '1500ms' });
    const client = await rig.connect();
    client.send(`POST /x HTTP/1.1\r\n${HOST}Content-Length: 31\r\n\r\n`);
    const upstream = await rig.origin.acceptRequest();
    const startedMs = performance.now();
    for (let n = 0; n < 30; n++) {
      const due = Promise.withResolvers<void>();
      setTimeout(due.resolve, 70);
      await due.promise;
      client.send('x');
      await upstream.take('x');
    }
    expect(performance.now() - startedMs).toBeGreaterThan(1500);
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(performance.now() - startedMs).toBeGreaterThan(30 * 70 + 1500 - 2 * stepMs);
  });

  test.each(['before the first request', 'after an answer'])('for an idle connection: %s', async (when) => {
    await using rig = await startWith(limits);
    rig.origin.answer(() => OK);
    const startedMs = performance.now();
    const client = await rig.connect();
    if (when === 'after an answer') {
      client.send(`GET /x HTTP/1.1\r\n${HOST}\r\n`);
      await client.takeMessage();
    }
    expect(await client.takeEnding()).toBe('end');
    expect(performance.now() - startedMs).toBeGreaterThan(limitMs - stepMs);
    expect(client.received).toBe('');
  });
});
