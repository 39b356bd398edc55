import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ReadBuffer } from '../downstream/read-buffer.ts';
import { eventually } from '../testing/eventually.ts';
import { findStreamState, readDirectly } from './read-directly.ts';

const opened: Socket[] = [];

afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
});

/** A socket that reads into a ReadBuffer, past the stream or by it, and the far end of its connection. */
async function open(direct: boolean, onChunk: (chunk: Buffer) => void) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const buffer = new ReadBuffer(onChunk);
  const { onread } = buffer;
  let byStream = 0;
  const socket = connect({
    port: (server.address() as { port: number }).port,
    host: '127.0.0.1',
    allowHalfOpen: true,
    onread: {
      buffer: onread.buffer,
      callback: (length, bytes) => {
        byStream++;
        return onread.callback(length, bytes);
      },
    },
  });
  const [peer] = (await once(server, 'connection')) as [Socket];
  server.close();
  opened.push(socket, peer);
  if (socket.connecting) await once(socket, 'connect');
  if (direct) buffer.attach(socket);
  return { socket, peer, buffer, byStream: () => byStream };
}

describe.each([
  ['past the stream', true],
  ['by the stream, as where Node does not tell', false],
])('chunks that come %s', (_, direct) => {
  it('are whole and in order, of any size, and the end comes behind them', async () => {
    const received: Buffer[] = [];
    const { socket, peer, buffer, byStream } = await open(direct, (chunk) => received.push(Buffer.from(chunk)));
    const sent = ['small', 'x'.repeat(1_000_000), 'after it'];
    for (const text of sent) peer.write(text);
    const ended = once(socket, 'end');
    peer.end();
    await ended;
    expect(Buffer.concat(received).toString()).toBe(sent.join(''));
    expect(byStream() > 0).toBe(!direct);
    buffer.release();
  });

  it('do not come while it is paused, so that the peer is held up, and all come when it is resumed', async () => {
    const size = 32 * 1024 * 1024;
    let length = 0;
    const { socket, peer } = await open(direct, (chunk) => {
      length += chunk.length;
      socket.pause();
    });
    peer.write(Buffer.alloc(size, 'x'));
    await eventually(() => length > 0, 'a chunk');
    const first = length;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(length).toBe(first);
    expect(peer.writableLength).toBeGreaterThan(0);
    socket.resume();
    await eventually(() => length > first, 'the next chunk');
    while (length < size) {
      socket.resume();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(peer.writableLength).toBe(0);
  });

  it('may be followed by the end of that side alone: the other goes on', async () => {
    const { socket, peer } = await open(direct, () => undefined);
    const ended = once(socket, 'end');
    peer.end('the last');
    await ended;
    const answer = once(peer, 'data');
    socket.write('an answer');
    expect(String((await answer)[0])).toBe('an answer');
    const closed = once(socket, 'close');
    socket.end();
    await closed;
    expect(socket.errored).toBe(null);
  });

  it('may be followed by a reset, which is an error of the socket', async () => {
    let length = 0;
    const { socket, peer } = await open(direct, (chunk) => {
      length += chunk.length;
    });
    peer.write('some');
    await eventually(() => length === 4, 'what was sent');
    const codes: (string | undefined)[] = [];
    socket.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code));
    peer.resetAndDestroy();
    await eventually(() => socket.closed, 'the end');
    expect(codes).toEqual(['ECONNRESET']);
  });

  it('are the last where one of them destroys the socket, and no buffer is lost with it', async () => {
    let chunks = 0;
    const { socket, peer, buffer } = await open(direct, () => {
      chunks++;
      buffer.release();
      socket.destroy();
    });
    peer.on('error', () => undefined);
    peer.write(Buffer.alloc(4 * 1024 * 1024, 'x'));
    await eventually(() => peer.closed, 'the reset');
    expect(chunks).toBe(1);
    expect(buffer.onread.buffer()).toBe(undefined);
  });
});

describe('where Node tells how much was read', () => {
  const streamBaseState = new Int32Array(4);

  it('is known of this version', () => {
    const { binding } = process as unknown as { binding: (name: string) => unknown };
    expect(findStreamState(binding)).toBeDefined();
  });

  it.each<[string, ((name: string) => unknown) | undefined]>([
    ['is no binding', undefined],
    [
      'is none of that name',
      () => {
        throw new Error('No such module: stream_wrap');
      },
    ],
    ['is nothing', () => undefined],
    ['is no state', () => ({ kReadBytesOrError: 0 })],
    ['is another state', () => ({ streamBaseState: {}, kReadBytesOrError: 0 })],
    ['is no place', () => ({ streamBaseState })],
    ['is a place outside', () => ({ streamBaseState, kReadBytesOrError: 4 })],
  ])('where there %s it is not, and the socket is left as it was', async (_, binding) => {
    const state = findStreamState(binding);
    expect(state).toBe(undefined);
    const { socket } = await open(false, () => undefined);
    const handle = (socket as unknown as { _handle: { onread: unknown } })._handle;
    const before = handle.onread;
    readDirectly(socket, () => undefined, state ?? null);
    expect(handle.onread).toBe(before);
  });
});
