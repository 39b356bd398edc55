import { once } from 'node:events';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { closedPort, GET, gauges, OK, POST } from '../testing/failing-upstreams.ts';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { OwnTime } from '../testing/own-time.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

/** A client, and the connection upstream that is kept since it had an answer over it. */
async function answerOne(rig: ProxyRig) {
  const client = await rig.connect();
  client.send(GET);
  const upstream = await rig.origin.acceptRequest();
  upstream.send(OK);
  await client.takeMessage();
  return { client, upstream };
}

describe('an upstream that cannot be reached', () => {
  test('is 502 upstream_connect_failed', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service({ endpoints: [{ address: `127.0.0.1:${await closedPort()}` }] }), route()),
    );
    const client = await rig.connect();
    for (const request of [GET, POST]) {
      client.send(request);
      expect(problemOf(await client.takeMessage())).toEqual({
        ...{ status: 502, code: 'upstream_connect_failed', proxyStatus: 'connection_refused' },
      });
    }
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('whatever the method is tried elsewhere', async () => {
    await using rig = await ProxyRig.start();
    const endpoints = [{ address: `127.0.0.1:${await closedPort()}` }, { address: 'ORIGIN' }];
    rig.apply(simple({ retry: { attempts: 1, backoff: { base: '1ms', max: '2ms' } } }, { endpoints }));
    rig.origin.answer((_, body) => `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${body}`);
    const client = await rig.connect();
    for (let i = 0; i < 6; i++) {
      client.send(POST);
      expect((await client.takeMessage()).body).toBe('abc');
    }
  });

  test('is given connectTimeout to accept, then 504', async () => {
    await using deaf = await startDeafServer();
    await using rig = await ProxyRig.start(
      manifestsOf(
        service({ endpoints: [{ address: `127.0.0.1:${deaf.port}` }], connections: { connectTimeout: '200ms' } }),
        route(),
      ),
    );
    const client = await rig.connect();
    using own = new OwnTime();
    const startedMs = performance.now();
    client.send(GET);
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 504, code: 'upstream_timeout', proxyStatus: 'connection_timeout' },
    });
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThanOrEqual(199);
    expect(own.ms).toBeLessThan(400);
    expect(gauges(rig)).toEqual([0, 0]);
  });
});

describe('an upstream that breaks off', () => {
  test.each([
    ['before its answer', ''],
    ['within the head', 'HTTP/1.1 200 OK\r\nContent-Le'],
  ])('%s: 502 upstream_reset', async (_, sent) => {
    await using rig = await ProxyRig.start(simple());
    for (const end of ['end', 'reset'] as const) {
      const client = await rig.connect();
      client.send(GET);
      const upstream = await rig.origin.acceptRequest();
      if (sent !== '') upstream.send(sent);
      upstream[end]();
      expect(problemOf(await client.takeMessage())).toEqual({
        ...{ status: 502, code: 'upstream_reset', proxyStatus: 'connection_terminated' },
      });
    }
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test.each([
    ['a length', 'Content-Length: 10\r\n\r\nhello'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['no length', '\r\nhello'],
  ])('within a body of %s: the client’s connection is reset, never ended', async (_, framing) => {
    for (const end of ['end', 'reset'] as const) {
      if (end === 'end' && framing.startsWith('\r\n')) continue;
      await using rig = await ProxyRig.start(simple());
      const client = await rig.connect();
      client.send(GET);
      const upstream = await rig.origin.acceptRequest();
      upstream.send(`HTTP/1.1 200 OK\r\n${framing}`);
      await client.take('hello');
      upstream[end]();
      expect(await client.takeEnding()).toBe('reset');
      expect(gauges(rig)).toEqual([0, 0]);
    }
  });
});

describe('an answer that is not HTTP', () => {
  test.each([
    ['bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a status of no class', 'HTTP/1.1 999 No\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['a broken first chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a header of 100,000 bytes', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}\r\n\r\n`],
    ['10,000 headers', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(10_000)}\r\n`],
    ['101 that was not asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['no status line', 'hello, this is no answer\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH\r\n'],
  ])('%s: 502 upstream_protocol_error, and the connection is not used again', async (_, text) => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(text);
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 502, code: 'upstream_protocol_error', proxyStatus: 'http_protocol_error' },
    });
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    const next = await rig.origin.acceptRequest();
    next.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test.each([
    ['a second response', `${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
    ['more than the length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokpoison'],
    ['a body to a status without one', 'HTTP/1.1 204 No Content\r\n\r\npoison'],
  ])('%s never reaches the next client', async (_, text) => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.acceptRequest();
    upstream.send(text);
    await client.takeHead();
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    const next = await rig.origin.acceptRequest();
    next.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean');
    await client.take('clean');
    expect(client.received).toBe('');
  });

  test('bytes on an idle connection end it', async () => {
    await using rig = await ProxyRig.start(simple());
    const { client, upstream } = await answerOne(rig);
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    await rig.origin.acceptRequest();
  });
});

describe('a pooled connection that the upstream closed', () => {
  test('just when it is used again is replaced without the client noticing', async () => {
    await using rig = await ProxyRig.start(simple());
    const { client, upstream } = await answerOne(rig);
    client.send(GET);
    await upstream.takeHead();
    upstream.reset();
    const next = await rig.origin.acceptRequest();
    next.send(OK);
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 200/);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('while it was idle is never used: an unsafe request goes through too', async () => {
    await using rig = await ProxyRig.start(simple());
    for (let i = 0; i < 5; i++) {
      const client = await rig.connect();
      client.send(POST);
      const upstream = await rig.origin.accept();
      await upstream.takeMessage();
      upstream.send(OK);
      await client.takeMessage();
      upstream.end();
      await upstream.takeEnding();
    }
  });

  test('after an unsafe request was sent is 502: sending it twice could do it twice', async () => {
    await using rig = await ProxyRig.start(simple());
    const { client, upstream } = await answerOne(rig);
    client.send(POST);
    await upstream.takeMessage();
    upstream.reset();
    expect(problemOf(await client.takeMessage()).code).toBe('upstream_reset');
    expect(rig.origin.connections).toHaveLength(1);
  });

  test('before anything was sent is replaced whatever the method', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(POST);
    const upstream = await rig.origin.accept();
    await upstream.takeMessage();
    upstream.send(OK);
    await client.takeMessage();
    // Both reach the proxy together, the request first.
    client.send(POST);
    upstream.reset();
    const next = await rig.origin.accept();
    expect((await next.takeMessage()).body).toBe('abc');
    next.send(OK);
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 200/);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('is closed by us after idleTimeout, and when its endpoint leaves the configuration', async () => {
    await using rig = await ProxyRig.start(simple({}, { connections: { idleTimeout: '1s' } }));
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    client.send(GET);
    await client.takeMessage();
    await (await rig.origin.accept()).takeEnding();
    client.send(GET);
    await client.takeMessage();
    rig.apply(simple({}, { endpoints: [{ address: '127.0.0.1:1' }], connections: { idleTimeout: '1h' } }));
    await (await rig.origin.accept()).takeEnding();
  });
});

/** A server whose accept queue is full and stays so: the kernel answers no further SYN. */
async function startDeafServer(): Promise<{ readonly port: number } & AsyncDisposable> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const thread = new Worker(code, { eval: true });
  const [port] = (await once(thread, 'message')) as [number];
  const queued = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await Promise.all(queued.slice(0, 2).map((socket) => once(socket, 'connect')));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      await thread.terminate();
    },
  };
}
