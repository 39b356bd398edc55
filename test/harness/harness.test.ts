import { once } from 'node:events';
import postgres from 'postgres';
import { describe, expect, test } from 'vitest';
import { isMissing } from './is-missing.ts';
import { startLink } from './link.ts';
import { startLoad } from './load.ts';
import { startOrigin } from './origin.ts';
import { findPostgres, startPostgres } from './postgres.ts';
import { startProcess } from './process.ts';
import { readCpuMs } from './process-tree.ts';
import { connectRaw, exchange } from './raw-client.ts';
import { waitFor } from './wait-for.ts';

describe('a started process', () => {
  const script = (code: string) => ({ name: 'script', program: process.execPath, args: ['-e', code] });

  test('gives its lines as they come, its exit code and its output', async () => {
    await using running = await startProcess(
      script(`console.log('port 17'); console.error('ready'); process.exitCode = 3`),
    );
    expect((await running.line(/port (\d+)/))[1]).toBe('17');
    expect(await running.exited).toEqual({ code: 3, signal: null });
    expect([running.stdout(), running.stderr()]).toEqual(['port 17\n', 'ready\n']);
    await expect(running.line(/never/)).rejects.toThrow('script ended (exit code 3) before it printed /never/');
  });

  test('is stopped by a signal, even while it is paused, and killed when disposed', async () => {
    const running = await startProcess(
      script(`setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0)); console.log('up')`),
    );
    await running.line(/up/);
    running.signal('SIGSTOP');
    expect(await running.stop()).toEqual({ code: 0, signal: null });
    const other = await startProcess(script('setInterval(() => {}, 1000)'));
    await other[Symbol.asyncDispose]();
    expect(other.exit()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('shows the CPU time of its whole tree', async () => {
    const spin = 'while (process.cpuUsage().user < 150_000);';
    const child = `require('node:child_process').spawn(process.execPath, ['-e', "${spin} console.log('spun'); setInterval(() => {}, 9e5)"], { stdio: 'inherit' })`;
    await using running = await startProcess(script(`${child}; process.on('SIGTERM', () => {})`));
    await running.line(/spun/);
    expect(readCpuMs(running.pid)).toBeGreaterThan(100);
  });
});

describe('waiting', () => {
  test('gives the value, and says what did not happen in time', async () => {
    let polls = 0;
    expect(await waitFor('the third poll', () => ++polls === 3 && 'third')).toBe('third');
    const never = waitFor('the impossible', () => false, { deadlineMs: 20 });
    await expect(never).rejects.toThrow('not within 20 ms: the impossible');
  });
});

describe('an origin', () => {
  test('answers pipelined requests in order and keeps what it got byte for byte', async () => {
    await using origin = await startOrigin();
    await using client = await connectRaw(origin.port);
    const bytes =
      'POST /a HTTP/1.1\r\nHost: h\r\nX-Odd:  v\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: 1\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n';
    await client.writeSplit(bytes, [5, 20, 70, 85]);
    const [first, second] = [await client.read(), await client.read()];
    expect([first.body.toString(), second.body.toString()]).toEqual([
      '{"method":"POST","target":"/a"}',
      '{"method":"GET","target":"/b"}',
    ]);
    expect(origin.received(1).toString()).toBe(bytes);
    expect(origin.requests).toMatchObject([
      { method: 'POST', body: Buffer.from('abc'), trailers: [['T', '1']], connection: 1, onConnection: 1 },
      { method: 'GET', target: '/b', connection: 1, onConnection: 2 },
    ]);
  });

  test('resets, closes or hangs in the middle of an answer', async () => {
    await using origin = await startOrigin();
    const headers = { 'x-answer': '1' };
    origin.reply = () => ({ headers, body: 'abcdef', cut: { after: 'head', how: 'close' } });
    const request = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
    expect((await exchange(origin.port, request)).toString()).toBe(
      'HTTP/1.1 200 OK\r\nx-answer: 1\r\ncontent-length: 6\r\n\r\n',
    );
    origin.reply = () => ({ raw: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc', ending: 'reset' });
    await using client = await connectRaw(origin.port);
    client.send();
    expect(await client.closed).toBe('reset');
    expect(client.received().toString()).toBe('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc');
  });

  test('sends interim messages, chunks and trailers, and no body to a HEAD', async () => {
    await using origin = await startOrigin();
    origin.onHead = (head) => (head.header('expect') === undefined ? undefined : 'HTTP/1.1 100 Continue\r\n\r\n');
    origin.reply = () => ({ body: 'abc', trailers: { 'x-sum': '6' } });
    await using client = await connectRaw(origin.port);
    client.send({ method: 'PUT', headers: { expect: '100-continue' }, body: 'x' });
    expect([(await client.read()).status, (await client.read()).trailers]).toEqual([100, [['x-sum', '6']]]);
    expect((await client.request({ method: 'HEAD' })).body).toHaveLength(0);
    expect((await client.request()).body.toString()).toBe('abc');
  });

  test('tells when the peer went away before the answer', async () => {
    await using origin = await startOrigin(() => ({ cut: { after: 0, how: 'hang' } }));
    const client = await connectRaw(origin.port);
    client.send();
    const [request] = await origin.waitForRequests(1);
    expect(request?.aborted.aborted).toBe(false);
    client.reset();
    if (!request?.aborted.aborted) await once(request!.aborted, 'abort');
    expect(origin.open()).toBe(0);
  });
});

describe('a link', () => {
  test('carries bytes, stalls in a black hole, and refuses when cut', async () => {
    await using origin = await startOrigin();
    await using link = await startLink(origin.port);
    await using client = await connectRaw(link.port);
    expect((await client.request()).status).toBe(200);
    link.blackHole();
    client.send();
    await expect(client.read(50)).rejects.toThrow('not within 50 ms');
    expect(origin.requests).toHaveLength(1);
    await link.heal();
    await origin.waitForRequests(2);
    await link.cut();
    expect(await client.closed).toBe('reset');
    await expect(connectRaw(link.port)).rejects.toThrow('ECONNREFUSED');
    await link.heal();
    await using again = await connectRaw(link.port);
    expect((await again.request()).status).toBe(200);
    expect(link.bytesTo()).toBeGreaterThan(0);
  });
});

describe('load', () => {
  test('counts every outcome and never sends a request twice', async () => {
    await using origin = await startOrigin(({ target }) => {
      if (target === '/reset') return { cut: { after: 0, how: 'reset' } };
      if (target === '/short') return { body: 'abc', cut: { after: 'head', how: 'close' } };
      return target === '/bad' ? { status: 500 } : {};
    });
    const targets = ['/', '/reset', '/short', '/bad', '/'];
    const report = await startLoad({
      port: origin.port,
      connections: 1,
      total: 5,
      request: (n) => ({ target: targets[n]! }),
    }).done;
    expect(report).toMatchObject({
      requests: 5,
      statuses: { 200: 2, 500: 1 },
      errors: { reset: 1, truncated: 1 },
      failed: 3,
    });
    expect(origin.requests).toHaveLength(5);
    await origin.stop();
    expect((await startLoad({ port: origin.port, total: 3 }).done).errors).toEqual({ refused: 3 });
  });

  test('takes a connection closed between requests as no failure', async () => {
    await using origin = await startOrigin(({ onConnection }) =>
      onConnection === 2 ? { ending: 'close', headers: { connection: 'close' } } : {},
    );
    const report = await startLoad({ port: origin.port, connections: 1, total: 6 }).done;
    expect(report).toMatchObject({ requests: 6, statuses: { 200: 6 }, errors: {}, failed: 0, reconnects: 2 });
  });
});

describe.skipIf(isMissing('PostgreSQL', findPostgres() === undefined))('PostgreSQL', () => {
  test('starts privately, and keeps its data over a kill and a stop', async () => {
    await using server = await startPostgres();
    const query = async (text: string) => {
      const sql = postgres(server.url, { max: 1, onnotice: () => undefined });
      try {
        return await sql.unsafe(text);
      } finally {
        await sql.end();
      }
    };
    await query('create table t (n int); insert into t values (7)');
    await server.kill();
    await expect(query('select 1')).rejects.toThrow('ECONNREFUSED');
    await server.start();
    await server.stop();
    await server.start();
    expect(await query('select n from t')).toMatchObject([{ n: 7 }]);
  });
});
