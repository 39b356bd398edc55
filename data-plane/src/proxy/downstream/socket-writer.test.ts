import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turnEnd } from 'node:timers/promises';
import type { EndpointPlan } from '@sluice/engine';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { sharedClock } from '../../shared/index.ts';
import { connectPair } from '../testing/connect-pair.ts';
import { eventually } from '../testing/eventually.ts';
import { TimerWheel } from '../timer-wheel.ts';
import { UpstreamConnection } from '../upstream/upstream-connection.ts';
import { flushTexts, MAX_WAITING, MAX_WAITING_TEXT, SocketWriter } from './socket-writer.ts';

describe('a writer', () => {
  const opened: Socket[] = [];

  afterEach(() => {
    flushTexts();
    for (const socket of opened.splice(0)) socket.destroy();
  });

  async function open(): Promise<{ writer: SocketWriter; near: Socket; far: Socket; received: () => string }> {
    const { near, far } = await connectPair();
    opened.push(near, far);
    const chunks: Buffer[] = [];
    far.on('data', (chunk: Buffer) => chunks.push(chunk));
    far.resume();
    const received = () => Buffer.concat(chunks).toString('latin1');
    return { writer: new SocketWriter(near), near, far, received };
  }

  it('keeps a small text until the turn ends, and its texts in order', async () => {
    const { writer, near, received } = await open();
    expect(writer.text('one ')).toBe(true);
    expect(writer.text('two')).toBe(true);
    expect([near.bytesWritten, writer.drained, writer.waits]).toEqual([0, false, true]);
    await turnEnd();
    expect([writer.drained, writer.waits]).toEqual([true, false]);
    await eventually(() => received() === 'one two', 'what was written has arrived');
  });

  it('lets what waits leave before bytes, before the end, and when others are to write', async () => {
    const { writer, near, far, received } = await open();
    writer.text('a');
    writer.bytes(Buffer.from('b'));
    writer.text('c');
    writer.textAndBytes('d', Buffer.from('e'));
    writer.text('f');
    writer.makeDirect();
    near.write('g');
    writer.text('h');
    expect(writer.waits).toBe(false);
    writer.text('i');
    writer.end();
    await once(far, 'end');
    expect(received()).toBe('abcdefghi');
  });

  it(`keeps ${MAX_WAITING_TEXT} characters, and not one more`, async () => {
    const { writer, received } = await open();
    writer.text('x'.repeat(MAX_WAITING_TEXT - 1));
    writer.text('y');
    expect(writer.waits).toBe(true);
    writer.text('z');
    expect(writer.waits).toBe(false);
    writer.text('x'.repeat(MAX_WAITING_TEXT + 1));
    expect(writer.waits).toBe(false);
    await eventually(() => received().length === 2 * MAX_WAITING_TEXT + 2, 'what was written has arrived');
  });

  it(`waits with ${MAX_WAITING} others at most: with one more all leave`, async () => {
    const all = await Promise.all(Array.from({ length: MAX_WAITING + 1 }, open));
    const [last, ...others] = all.reverse();
    for (const { writer } of others) writer.text('x');
    expect(others.every(({ writer }) => writer.waits)).toBe(true);
    last!.writer.text('x');
    expect(all.some(({ writer }) => writer.waits)).toBe(false);
    await eventually(() => all.every(({ received }) => received() === 'x'), 'what was written has arrived');
  });

  it('leaves to the stream what the kernel does not take, and says when to wait', async () => {
    const { writer, near, far, received } = await open();
    far.pause();
    let written = 0;
    for (let more = true; more; written++) {
      more = writer.text('x'.repeat(MAX_WAITING_TEXT));
      flushTexts();
    }
    expect(near.writableLength).toBeGreaterThan(0);
    expect(writer.drained).toBe(false);
    far.resume();
    await once(near, 'drain');
    await eventually(() => received().length === written * MAX_WAITING_TEXT, 'what was written has arrived');
  });
});

describe('a request on a connection that was used before', () => {
  let server: Server;
  let wheel: TimerWheel;

  beforeAll(async () => {
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    wheel = new TimerWheel(sharedClock(process.hrtime.bigint()));
  });

  afterAll(() => server.close());

  async function open() {
    const endpoint = { host: '127.0.0.1', port: (server.address() as { port: number }).port } as EndpointPlan;
    const keeper = { giveBack: () => undefined, onConnectionClosed: () => undefined };
    const connection = new UpstreamConnection(endpoint, keeper, wheel, Number.POSITIVE_INFINITY);
    const [far] = (await once(server, 'connection')) as [Socket];
    far.on('error', () => undefined);
    await eventually(() => connection.connected, 'it is connected');
    connection.rest(0);
    const chunks: string[] = [];
    const closed = Promise.withResolvers<void>();
    connection.user = {
      onUpstreamChunk: (chunk) => void chunks.push(chunk.toString()),
      onUpstreamDrain: () => undefined,
      onUpstreamClosed: () => closed.resolve(),
    };
    return { connection, far, chunks, closed: closed.promise };
  }

  it('that the other end has closed was never sent', async () => {
    const { connection, far, closed } = await open();
    await turnEnd();
    far.resetAndDestroy();
    connection.sendText('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect(connection.unsent).toBe(true);
  });

  it('that the other end closes afterwards was sent', async () => {
    const { connection, far, closed } = await open();
    connection.sendText('GET / HTTP/1.1\r\n\r\n');
    await once(far, 'data');
    far.resetAndDestroy();
    await closed;
    expect(connection.unsent).toBe(false);
  });

  it('is not answered by what came before it left: it was never sent', async () => {
    const { connection, far, chunks, closed } = await open();
    // Behind the end of a turn: the bytes are read before the next one ends.
    await turnEnd();
    far.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    connection.sendText('GET / HTTP/1.1\r\n\r\n');
    await closed;
    expect([connection.unsent, chunks]).toEqual([true, []]);
  });
});
