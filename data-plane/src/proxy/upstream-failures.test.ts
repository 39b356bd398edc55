import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { CLOSED, HALF_OPEN, OPEN } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { eventually } from './testing/eventually.ts';
import { manifestsOf, route, service, simple } from './testing/manifests.ts';
import { OwnTime } from './testing/own-time.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
const POST = 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno';

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Every gauge of what is on its way. */
function gauges(rig: ProxyRig): number[] {
  const { columns } = rig.shared;
  const endpoints = [...rig.directory.endpoints.entries()].map(([, slot]) => columns.inFlight.total(slot));
  return [columns.process.total(1), ...endpoints];
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
      const upstream = await rig.origin.accept();
      await upstream.takeHead();
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
      const upstream = await rig.origin.accept();
      await upstream.takeHead();
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
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send(text);
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 502, code: 'upstream_protocol_error', proxyStatus: 'http_protocol_error' },
    });
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    const next = await rig.origin.accept();
    await next.takeHead();
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
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send(text);
    await client.takeHead();
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    const next = await rig.origin.accept();
    await next.takeHead();
    next.send('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean');
    await client.take('clean');
    expect(client.received).toBe('');
  });

  test('bytes on an idle connection end it', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send(OK);
    await client.takeMessage();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    client.send(GET);
    await (await rig.origin.accept()).takeHead();
  });
});

describe('a pooled connection that the upstream closed', () => {
  test('just when it is used again is replaced without the client noticing', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send(OK);
    await client.takeMessage();
    client.send(GET);
    await upstream.takeHead();
    upstream.reset();
    const next = await rig.origin.accept();
    await next.takeHead();
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
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send(OK);
    await client.takeMessage();
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

describe('timeouts', () => {
  test.each([
    ['timeout', { timeout: '200ms' }],
    ['perTryTimeout', { timeout: '10s', retry: { attempts: 0, perTryTimeout: '200ms' } }],
  ])('%s bounds the wait for the head: 504', async (_, spec) => {
    await using rig = await ProxyRig.start(simple(spec));
    const client = await rig.connect();
    using own = new OwnTime();
    const startedMs = performance.now();
    client.send(GET);
    const upstream = await rig.origin.accept();
    upstream.send('HTTP/1.1 200 OK\r\nX-Slow');
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 504, code: 'upstream_timeout', proxyStatus: 'http_response_timeout' },
    });
    const elapsedMs = performance.now() - startedMs;
    expect(elapsedMs).toBeGreaterThanOrEqual(199);
    expect(own.ms).toBeLessThan(400);
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test.each([
    ['streamIdleTimeout ends an answer that stands still', { streamIdleTimeout: '150ms' }, 0],
    ['maxDuration ends an exchange however lively', { maxDuration: '300ms' }, 20],
  ])('%s', async (_, spec, everyMs) => {
    await using rig = await ProxyRig.start(simple(spec));
    const client = await rig.connect();
    client.send(GET);
    const upstream = await rig.origin.accept();
    await upstream.takeHead();
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    const sending = everyMs === 0 ? undefined : setInterval(() => upstream.send('x'), everyMs);
    expect(await client.takeEnding()).toBe('reset');
    clearInterval(sending);
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('a client that stops within its body gets 408, and no breaker hears of it', async () => {
    await using rig = await ProxyRig.start(simple({}, { circuitBreaker: { consecutiveFailures: 1 } }));
    rig.apply(
      JSON.stringify({
        kind: 'Listener',
        name: 'http',
        spec: { address: '127.0.0.1:80', limits: { bodyIdleTimeout: '150ms' } },
      }),
    );
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await (await rig.origin.accept()).take('abc');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 408, code: 'request_timeout' });
    expect(rig.shared.breakers.view(rig.directory.services.slotOf('svc')!, rig.shared.clock.nowMs()).state).toBe(
      CLOSED,
    );
  });

  test('a head that does not end in time gets 408; a connection that sends nothing is just ended', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.apply(
      JSON.stringify({
        ...{ kind: 'Listener', name: 'http' },
        spec: { address: '127.0.0.1:80', limits: { headerTimeout: '150ms', keepAliveTimeout: '100ms' } },
      }),
    );
    rig.origin.answer(() => OK);
    const slow = await rig.connect();
    slow.send('GET / HTTP/1.1\r\n');
    const dripping = setInterval(() => slow.send('X: y\r\n'), 20);
    expect(problemOf(await slow.takeMessage())).toMatchObject({ status: 408, code: 'request_timeout' });
    clearInterval(dripping);
    expect(await slow.takeEnding()).toBe('end');
    const silent = await rig.connect();
    expect(await silent.takeEnding()).toBe('end');
    expect(silent.received).toBe('');
    const kept = await rig.connect();
    kept.send(GET);
    await kept.takeMessage();
    expect(await kept.takeEnding()).toBe('end');
  });
});

describe('retries', () => {
  const RETRY = { retry: { attempts: 2, backoff: { base: '1ms', max: '2ms' } } };

  test('follow a status that is a condition, with the body again, until one succeeds', async () => {
    await using rig = await ProxyRig.start(simple({ retry: { ...RETRY.retry, methods: ['POST'] } }));
    let tries = 0;
    rig.origin.answer((_, body) => (++tries < 3 ? UNAVAILABLE : `HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n${body}`));
    const client = await rig.connect();
    client.send(POST);
    expect((await client.takeMessage()).body).toBe('abc');
    expect(tries).toBe(3);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('end with the last answer', async () => {
    await using rig = await ProxyRig.start(simple(RETRY));
    let tries = 0;
    rig.origin.answer(() => {
      tries++;
      return UNAVAILABLE;
    });
    const client = await rig.connect();
    client.send(GET);
    const { head, body } = await client.takeMessage();
    expect([head.slice(0, 12), body, tries]).toEqual(['HTTP/1.1 503', 'no', 3]);
  });

  test.each([
    ['seconds', '1'],
    ['a date', new Date(Date.now() + 3_600_000).toUTCString()],
  ])(
    'wait for as long as Retry-After asks in %s; where that is longer than the request has, the answer stands',
    async (kind, asked) => {
      await using rig = await ProxyRig.start(simple(RETRY));
      const arrivals: number[] = [];
      rig.origin.answer(() => {
        arrivals.push(performance.now());
        return arrivals.length === 2 ? OK : UNAVAILABLE.replace('\r\n\r\n', `\r\nRetry-After: ${asked}\r\n\r\n`);
      });
      const client = await rig.connect();
      client.send(GET);
      const { head } = await client.takeMessage();
      if (kind === 'seconds') {
        expect(head).toMatch(/^HTTP\/1.1 200 /);
        expect(arrivals[1]! - arrivals[0]!).toBeGreaterThanOrEqual(990);
      } else {
        expect(head).toMatch(/^HTTP\/1.1 503 /);
        expect(head.toLowerCase()).toContain(`\r\nretry-after: ${asked.toLowerCase()}\r\n`);
        expect(arrivals).toHaveLength(1);
      }
      expect(gauges(rig)).toEqual([0, 0]);
    },
  );

  test.each([
    ['a POST', POST, 1],
    ['a POST with an Idempotency-Key', POST.replace('\r\n\r\n', '\r\nIdempotency-Key: 1\r\n\r\n'), 3],
    ['a PUT', POST.replace('POST', 'PUT'), 3],
  ])('of %s: %#', async (_, request, expected) => {
    await using rig = await ProxyRig.start(simple(RETRY));
    let tries = 0;
    rig.origin.answer(() => {
      tries++;
      return UNAVAILABLE;
    });
    const client = await rig.connect();
    client.send(request);
    await client.takeMessage();
    expect(tries).toBe(expected);
  });

  test('are not made of a body beyond bufferBytes', async () => {
    await using rig = await ProxyRig.start(simple({ retry: { ...RETRY.retry, methods: ['POST'], bufferBytes: '2B' } }));
    let tries = 0;
    rig.origin.answer(() => {
      tries++;
      return UNAVAILABLE;
    });
    const client = await rig.connect();
    client.send(POST);
    await client.takeMessage();
    expect(tries).toBe(1);
  });

  test('after a reset and a timeout of one try', async () => {
    await using rig = await ProxyRig.start(
      simple({ retry: { ...RETRY.retry, on: ['reset', 'timeout'], perTryTimeout: '100ms' } }),
    );
    const client = await rig.connect();
    client.send(GET);
    const first = await rig.origin.accept();
    await first.takeHead();
    first.reset();
    const second = await rig.origin.accept();
    await second.takeHead();
    const third = await rig.origin.accept();
    await third.takeHead();
    third.send(OK);
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('stay within the budget: an upstream that fails gets little more than the load', async () => {
    await using rig = await ProxyRig.start(simple(RETRY));
    let tries = 0;
    rig.origin.answer(() => {
      tries++;
      return UNAVAILABLE;
    });
    const client = await rig.connect();
    for (let i = 0; i < 300; i++) {
      client.send(GET);
      await client.takeMessage();
    }
    expect(tries).toBeGreaterThan(330);
    expect(tries).toBeLessThanOrEqual(360);
  });
});

describe('the breaker', () => {
  const BREAKER = { circuitBreaker: { consecutiveFailures: 2, openFor: '200ms', halfOpenRequests: 1 } };
  const stateOf = (rig: ProxyRig) =>
    rig.shared.breakers.view(rig.directory.services.slotOf('svc') as number, rig.shared.clock.nowMs()).state;

  test('opens after failures in a row, pauses, lets a probe through, and closes', async () => {
    await using rig = await ProxyRig.start(simple({}, BREAKER));
    let answer = UNAVAILABLE;
    rig.origin.answer(() => answer);
    const client = await rig.connect();
    const get = async () => {
      client.send(GET);
      return client.takeMessage();
    };
    expect([(await get()).body, (await get()).body, stateOf(rig)]).toEqual(['no', 'no', OPEN]);
    const refused = await get();
    expect(problemOf(refused)).toEqual({ status: 503, code: 'circuit_open', proxyStatus: 'destination_unavailable' });
    expect(refused.head).toContain('\r\nretry-after: 1\r\n');
    answer = OK;
    while ((await get()).body !== 'ok');
    expect(stateOf(rig)).toBe(CLOSED);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('takes a reset, a timeout and a refused connection for failures, a 501 and an aborted request for none', async () => {
    await using rig = await ProxyRig.start(
      simple({ timeout: '100ms' }, { circuitBreaker: { consecutiveFailures: 2, halfOpenRequests: 1 } }),
    );
    const client = await rig.connect();
    for (let i = 0; i < 3; i++) {
      client.send(GET);
      const upstream = await rig.origin.accept();
      await upstream.takeHead();
      upstream.send('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      await client.takeHead();
      const leaving = await rig.connect();
      leaving.send(GET);
      const left = await rig.origin.accept();
      await left.takeHead();
      leaving.reset();
      await left.until(() => left.ending !== 'open' || left.closed, 'end');
    }
    expect(stateOf(rig)).toBe(CLOSED);
    client.send(GET);
    const reset = await rig.origin.accept();
    await reset.takeHead();
    reset.reset();
    await client.takeMessage();
    client.send(GET);
    await (await rig.origin.accept()).takeHead();
    await client.takeMessage();
    expect(stateOf(rig)).toBe(OPEN);
    expect(gauges(rig)).toEqual([0, 0]);
  });

  test('gets its probe’s permit back when the client of the probe leaves', async () => {
    await using rig = await ProxyRig.start(
      simple({}, { circuitBreaker: { consecutiveFailures: 1, openFor: '50ms', halfOpenRequests: 1 } }),
    );
    const client = await rig.connect();
    client.send(GET);
    const first = await rig.origin.accept();
    await first.takeHead();
    first.send('HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    await client.takeHead();

    const probe = await rig.connect();
    while (rig.origin.connections.length < 2) {
      probe.received = '';
      probe.send(GET);
      await eventually(() => probe.received !== '' || rig.origin.connections.length === 2, 'probe or refusal');
    }
    expect(stateOf(rig)).toBe(HALF_OPEN);
    client.send(GET);
    expect(problemOf(await client.takeMessage()).code).toBe('circuit_open');
    probe.reset();
    const upstream = await rig.origin.accept();
    await upstream.until(() => upstream.ending !== 'open' || upstream.closed, 'end');
    const slot = rig.directory.services.slotOf('svc') as number;
    expect(rig.shared.breakers.view(slot, rig.shared.clock.nowMs()).probesInFlight).toBe(0);
    expect(gauges(rig)).toEqual([0, 0]);
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
