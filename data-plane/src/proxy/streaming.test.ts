import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { simple } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';
import type { RawPeer } from './testing/raw-peer.ts';

const SIZE = 3 * 1024 * 1024;
const BODY = randomBytes(SIZE);

function digest(bytes: string | Buffer): string {
  const hash = createHash('sha256');
  return (typeof bytes === 'string' ? hash.update(bytes, 'latin1') : hash.update(bytes)).digest('hex');
}

function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, length = 1; at < body.length; at += length) {
    length = Math.min(body.length - at, 1 + ((length * 7) % 60_000));
    parts.push(Buffer.from(`${length.toString(16)}\r\n`), body.subarray(at, at + length), Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Reads in fits and starts, so that whoever writes to it has to wait. */
function stutter(peer: RawPeer): () => void {
  let paused = false;
  const timer = setInterval(() => {
    paused = !paused;
    if (paused) peer.pause();
    else peer.resume();
  }, 3);
  return () => {
    clearInterval(timer);
    peer.resume();
  };
}

test('many large bodies at once, both ways and in both framings, arrive as they were sent though nobody reads steadily', async () => {
  await using rig = await ProxyRig.start(simple({ bodyBytes: '50MiB' }));
  const wire = chunked(BODY);
  const transfers = Array.from({ length: 8 }, async (_, index) => {
    const client = await rig.connect();
    const framing = index % 2 === 0 ? `Content-Length: ${SIZE}` : 'Transfer-Encoding: chunked';
    const body = index % 2 === 0 ? BODY : wire;
    client.send(`POST /${index} HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
    client.send(body);
    const upstream = await rig.origin.accept();
    const steadyUp = stutter(upstream);
    const head = await upstream.takeHead();
    const isChunked = /transfer-encoding: chunked/i.test(head);
    const up = await upstream.takeBytes(isChunked ? wire.length : SIZE);
    steadyUp();
    expect(digest(up)).toBe(digest(isChunked ? wire : BODY));
    const steadyDown = stutter(client);
    upstream.send(`HTTP/1.1 200 OK\r\n${isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${SIZE}`}\r\n\r\n`);
    upstream.send(isChunked ? wire : BODY);
    await client.takeHead();
    const down = await client.takeBytes(isChunked ? wire.length : SIZE);
    steadyDown();
    expect(digest(down)).toBe(digest(isChunked ? wire : BODY));
    expect([client.received, upstream.received]).toEqual(['', '']);
  });
  await Promise.all(transfers);
});

test('messages cut at any byte, on both sides, mean the same', async () => {
  await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/p' } }] }));
  const requests =
    'POST /p/1 HTTP/1.1\r\nHost: a\r\n__proto__: x\r\nconstructor: y\r\n12345: z\r\nContent-Length: 5\r\n\r\nhello' +
    'POST /p/2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n04\r\ndefg\r\n0\r\nX-T: 1\r\n\r\n' +
    'GET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /p/3 HTTP/1.1\r\nHost: a\r\n\r\n';
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecond\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthird',
  ];
  for (const size of [1, 2, 3, 7, 64]) {
    const client = await rig.connect();
    const upstream = size === 1 ? rig.origin.accept() : Promise.resolve(rig.origin.connections[0] as RawPeer);
    await sendCut(client, requests, size);
    const seen: string[] = [];
    for (const [index, answer] of answers.entries()) {
      const origin = await upstream;
      seen.push((await origin.takeHead()).split(' HTTP')[0] as string);
      if (index === 0) seen.push(await origin.takeBytes(5));
      if (index === 1) seen.push((await origin.take('X-T: 1\r\n\r\n')).replaceAll('\r\n', ' '));
      await sendCut(origin, answer, size);
    }
    expect(seen).toEqual(['POST /p/1', 'hello', 'POST /p/2', '3 abc 4 defg 0 X-T: 1  ', 'GET /p/3']);
    const all = await client.take('third');
    expect(all.match(/HTTP\/1.1 \d+|first|6\r\nsecond\r\n0\r\n\r\n|third/g)).toEqual([
      ...['HTTP/1.1 200', 'first', 'HTTP/1.1 103', 'HTTP/1.1 200', '6\r\nsecond\r\n0\r\n\r\n'],
      ...['HTTP/1.1 404', 'HTTP/1.1 200', 'third'],
    ]);
    expect(client.received).toBe('');
  }
});

/** Each piece is on its way before the next is written. */
async function sendCut(peer: RawPeer, text: string, size: number): Promise<void> {
  for (let at = 0; at < text.length; at += size) {
    peer.send(text.slice(at, at + size));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
