import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectPair } from './testing/connect-pair.ts';
import { eventually } from './testing/eventually.ts';
import { writeText } from './write-text.ts';

const opened: Socket[] = [];

async function pair(): Promise<{ near: Socket; far: Socket }> {
  const both = await connectPair();
  opened.push(both.near, both.far);
  return both;
}

/** Counts the writes that go through the stream. */
function countStreamWrites(socket: Socket): () => number {
  let count = 0;
  const write = socket.write.bind(socket) as (text: string, encoding: BufferEncoding) => boolean;
  socket.write = ((text: string, encoding: BufferEncoding) => {
    count++;
    return write(text, encoding);
  }) as typeof socket.write;
  return () => count;
}

describe('writing text', () => {
  afterEach(() => {
    for (const socket of opened.splice(0)) socket.destroy();
  });

  it('goes past the stream once a first write has shown how, and arrives a byte a character', async () => {
    const { near, far } = await pair();
    writeText(near, 'a first one ');
    const streamWrites = countStreamWrites(near);
    expect(writeText(near, 'caf\xe9')).toBe(true);
    expect(streamWrites()).toBe(0);
    expect(near.writableLength).toBe(0);
    near.end();
    expect(Buffer.concat(await far.toArray()).toString('latin1')).toBe('a first one caf\xe9');
  });

  it('leaves to the stream what the kernel does not take: order, backpressure, drain and end as ever', async () => {
    const { near, far } = await pair();
    const texts: string[] = [];
    let more = true;
    while (more) {
      const text = String(texts.length).padStart(8, '0').repeat(4096);
      texts.push(text);
      more = writeText(near, text);
    }
    expect(near.writableLength).toBeGreaterThan(0);
    expect(near.writableNeedDrain).toBe(true);
    texts.push('behind it');
    expect(writeText(near, 'behind it')).toBe(false);
    const drained = once(near, 'drain');
    const received = far.toArray();
    await drained;
    expect(near.writableLength).toBe(0);
    const streamWrites = countStreamWrites(near);
    texts.push('and after');
    expect(writeText(near, 'and after')).toBe(true);
    expect(streamWrites()).toBe(0);
    near.end();
    expect(Buffer.concat(await received).toString('latin1')).toBe(texts.join(''));
  });

  it('counts what is under way as unsent until it is gone, and ends with it when the connection is destroyed', async () => {
    const { near } = await pair();
    while (writeText(near, 'x'.repeat(65_536)));
    const closed = once(near, 'close');
    near.destroy();
    await closed;
    expect(writeText(near, 'too late')).toBe(false);
  });

  it('fails as the stream does on a connection that the other end has reset', async () => {
    const { near, far } = await pair();
    const failed = once(near, 'error');
    far.resetAndDestroy();
    await eventually(() => {
      if (!near.destroyed) writeText(near, 'anyone there?');
      return near.errored !== null;
    }, 'the write fails');
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
  });

  it('is refused behind the end, and kept while connecting', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = connect((server.address() as { port: number }).port, '127.0.0.1');
    opened.push(near);
    expect(writeText(near, 'early')).toBe(true);
    const [far] = (await once(server, 'connection')) as [Socket];
    opened.push(far);
    near.end();
    const failed = once(near, 'error');
    writeText(near, 'late');
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ERR_STREAM_WRITE_AFTER_END');
    server.close();
  });
});
