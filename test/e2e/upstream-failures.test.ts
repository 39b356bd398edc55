/** Whatever upstreams do, a client never takes a part for a whole, nor another's answer for its own. */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import type { OriginReply } from '../harness/origin-reply.ts';
import { type RunningProcess, startProcess } from '../harness/process.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { readStrictly } from '../harness/strict-requests.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let origin: Origin;
let healthy: Origin;
let gateway: Gateway;

beforeAll(async () => {
  origin = stack.use(await startOrigin());
  healthy = stack.use(await startOrigin(() => ({ body: 'healthy' })));
  const deaf = stack.use(await startDeafServer());
  gateway = stack.use(
    await startGateway({
      manifest: `
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Service
name: healthy
spec: { endpoints: [{ address: "${healthy.address}" }] }
---
kind: Service
name: deaf
spec: { endpoints: [{ address: "127.0.0.1:${deaf.port}" }], connections: { connectTimeout: 1s } }
---
kind: Route
name: healthy
spec: { match: [{ path: { prefix: /healthy } }], service: healthy }
---
kind: Route
name: deaf
spec: { match: [{ path: { prefix: /deaf } }], service: deaf }
---
kind: Route
name: plain
spec: { match: [{ path: { prefix: /plain } }], service: s }
---
kind: Route
name: first-byte
spec: { match: [{ path: { prefix: /first-byte } }], service: s, timeout: 1s }
---
kind: Route
name: idle
spec: { match: [{ path: { prefix: /idle } }], service: s, streamIdleTimeout: 1s }
---
kind: Route
name: total
spec: { match: [{ path: { prefix: /total } }], service: s, maxDuration: 1s }
---
kind: Route
name: retried
spec:
  match: [{ path: { prefix: /retried } }]
  service: s
  retry: { attempts: 1, on: [reset], backoff: { base: 1ms, max: 2ms }, budgetPercent: 100 }
`,
    }),
  );
});

afterAll(() => stack.disposeAsync());

beforeEach(() => {
  origin.reply = () => ({ body: 'ok' });
  origin.requests.length = 0;
});

/** Accepts no connection: its queue is full, and it does not run. */
async function startDeafServer(): Promise<AsyncDisposable & { readonly port: number }> {
  const code = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log('port ' + server.address().port));`;
  const running: RunningProcess = await startProcess({
    name: 'deaf server',
    program: process.execPath,
    args: ['-e', code],
  });
  const port = Number((await running.line(/port (\d+)/))[1]);
  running.signal('SIGSTOP');
  const queued: Socket[] = Array.from({ length: 4 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await waitFor('its queue is full', () => queued.filter(({ pending }) => !pending).length >= 2);
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of queued) socket.destroy();
      await running.kill();
    },
  };
}

async function nothingIsLeft(): Promise<void> {
  await waitFor('no request is left', async () => (await readMetric(gateway.node, 'gateway_active_requests')) === 0);
}

/** What is not strict in all that an origin has received. */
function faultsAt({ accepted, received }: Origin): (string | undefined)[] {
  return Array.from({ length: accepted() }, (_, i) => readStrictly(received(i + 1)).fault).filter(Boolean);
}

describe('an upstream that is slow', () => {
  const trickle: OriginReply = { body: 'x'.repeat(1_000), pace: { bytes: 10, everyMs: 200 } };
  const cases: readonly [what: string, target: string, reply: OriginReply, status: number][] = [
    ['to accept: connectTimeout, 504', '/deaf', {}, 504],
    ['with its first byte: timeout, 504', '/first-byte', { delayMs: 20_000 }, 504],
    ['with its head, byte by byte: timeout, 504', '/first-byte', { pace: { bytes: 1, everyMs: 200 } }, 504],
    ['within its body: streamIdleTimeout, a reset', '/idle', { body: 'x', cut: { after: 'head', how: 'hang' } }, 200],
    ['with its body, byte by byte: maxDuration, a reset', '/total', trickle, 200],
  ];

  /** The cases run together, so each says by its query what the origin is to do. */
  beforeEach(() => {
    origin.reply = ({ target }) => JSON.parse(decodeURIComponent(target.split('?')[1]!)) as OriginReply;
  });

  test.concurrent.each(cases)('%s', async (_, target, reply, status) => {
    using clock = watchLostTime();
    const waits = await Promise.all(
      Array.from({ length: 5 }, async () => {
        await using client = await connectRaw(gateway.node.port);
        const startedMs = performance.now();
        client.send({ target: `${target}?${encodeURIComponent(JSON.stringify(reply))}` });
        if (status === 504) {
          const answer = await client.read();
          expect([answer.status, JSON.parse(answer.body.toString()).type]).toEqual([
            504,
            'urn:sluice:problem:upstream_timeout',
          ]);
        } else {
          expect(await client.closed).toBe('reset');
        }
        return performance.now() - startedMs;
      }),
    );
    expect(Math.min(...waits)).toBeGreaterThan(990);
    expect(Math.min(...waits)).toBeLessThan(clock.allow(1_100));
  });

  test('holds up no other, and leaves no request and no connection', async () => {
    await using load = startLoad({ port: gateway.node.port, rate: 200, request: () => ({ target: '/healthy' }) });
    await load.waitForRequests(50);
    const opened = origin.accepted();
    const slow = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const [, target, reply] = cases[i % cases.length]!;
        const client = await connectRaw(gateway.node.port);
        client.send({ target: `${target}?${encodeURIComponent(JSON.stringify(reply))}` });
        return client;
      }),
    );
    await waitFor('all are answered', () => slow.every((client) => client.received().length > 0 || !client.isOpen()));
    const { failures, latencyMs } = await load.stop();
    expect(failures).toEqual([]);
    expect(latencyMs.p50).toBeLessThan(50);
    for (const client of slow) await client[Symbol.asyncDispose]();
    await nothingIsLeft();
    expect(origin.accepted()).toBeGreaterThan(opened);
    await waitFor('every connection to the slow upstream is closed', () => origin.open() === 0);
  });
});

describe('an upstream that breaks off', () => {
  const endings = ['close', 'reset'] as const;

  test.each([
    ['before its answer', ''],
    ['within the status line', 'HTTP/1.1 20'],
    ['within the head', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx'],
    ['at the end of a field', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n'],
  ])('%s: 502, and the request is not sent again', async (_, raw) => {
    for (const ending of endings) {
      origin.reply = () => ({ raw, ending });
      for (const method of ['GET', 'POST']) {
        // On a connection that has just been opened: of one from the pool it could be the end of its time.
        origin.resetAll();
        await waitFor('no connection is open', () => origin.open() === 0);
        const before = origin.requests.length;
        await using client = await connectRaw(gateway.node.port);
        const answer = await client.request({ method, target: '/plain' });
        expect([answer.status, JSON.parse(answer.body.toString()).type]).toEqual([
          502,
          'urn:sluice:problem:upstream_reset',
        ]);
        expect(origin.requests.length - before).toBe(1);
      }
    }
    await nothingIsLeft();
  });

  test.each([
    ['of a length', 'content-length: 10\r\n\r\nhello', endings],
    ['of a length, by one byte', 'content-length: 6\r\n\r\nhello', endings],
    ['within a chunk', 'transfer-encoding: chunked\r\n\r\n10\r\nhello', endings],
    ['between chunks', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n', endings],
    ['within the last chunk', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n', endings],
    ['within the trailers', 'transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n', endings],
    ['until close', '\r\nhello', ['reset'] as const],
  ])('within a body %s: the client sees a reset, never an end', async (_, rest, how) => {
    for (const ending of how) {
      origin.reply = () => ({ raw: `HTTP/1.1 200 OK\r\n${rest}`, ending });
      for (const target of ['/plain', '/retried']) {
        await using client = await connectRaw(gateway.node.port);
        client.send({ target });
        expect(await client.closed).toBe('reset');
        const received = client.received().toString('latin1');
        expect(received.endsWith('0\r\n\r\n')).toBe(false);
        expect(received.split('HTTP/1.1 ').length).toBeLessThanOrEqual(2);
      }
    }
    await nothingIsLeft();
  });

  test('a request that changes nothing is tried again where the route says so, any other is not', async () => {
    const tries = new Map<string, number>();
    origin.reply = ({ method, header }) => {
      const id = `${method} ${header('x-id')}`;
      tries.set(id, (tries.get(id) ?? 0) + 1);
      return tries.get(id) === 1 ? { raw: 'HTTP/1.1 2', ending: 'reset' } : { body: id };
    };
    for (let n = 0; n < 10; n++) {
      for (const method of ['GET', 'PUT', 'POST']) {
        await using client = await connectRaw(gateway.node.port);
        const body = method === 'GET' ? '' : 'once';
        const answer = await client.request({ method, target: '/retried', headers: { 'x-id': String(n) }, body });
        expect([method, answer.status]).toEqual([method, method === 'POST' ? 502 : 200]);
        expect(tries.get(`${method} ${n}`)).toBe(method === 'POST' ? 1 : 2);
      }
    }
    expect(faultsAt(origin)).toEqual([]);
  });
});

describe('an upstream that closes its idle connections just when they are used', () => {
  test('fails no request that changes nothing, and gets no other twice', async () => {
    const received = new Map<string, number>();
    origin.reply = ({ header }) => {
      const id = header('x-id')!;
      received.set(id, (received.get(id) ?? 0) + 1);
      setTimeout(origin.closeIdle, Math.random() * 4);
      return { body: id };
    };
    const opened = origin.accepted();
    const isSafe = (n: number) => n % 4 > 0;
    const report = await startLoad({
      port: gateway.node.port,
      total: 4_000,
      request: (n) => ({
        method: isSafe(n) ? 'GET' : 'POST',
        target: '/plain',
        headers: { 'x-id': String(n) },
        body: isSafe(n) ? '' : 'once',
      }),
      check: ({ status, body }, n) => {
        if (status === 200 && body.toString() === String(n)) return undefined;
        // It was sent, and nobody knows what became of it.
        if (status === 502 && !isSafe(n)) return undefined;
        return `request ${n} got ${status} ${body.toString()}`;
      },
    }).done;
    expect(report.failures).toEqual([]);
    expect(report.statuses['200']).toBeGreaterThan(3_000);
    expect(origin.accepted() - opened).toBeGreaterThan(100);
    const repeated = [...received].filter(([id, count]) => count > (isSafe(Number(id)) ? 2 : 1));
    expect(repeated).toEqual([]);
    expect(faultsAt(origin)).toEqual([]);
  });
});

describe('an upstream whose answers are not what they say', () => {
  const invalid: Readonly<Record<string, string>> = {
    'no status line': 'hello\r\n\r\n',
    'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
    'a status of two digits': 'HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n',
    'a status of no class': 'HTTP/1.1 999 No\r\ncontent-length: 0\r\n\r\n',
    'a bare LF': 'HTTP/1.1 200 OK\ncontent-length: 0\n\n',
    'a space before the colon': 'HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n',
    'a folded field': 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n',
    'NUL in a field': 'HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n',
    'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 6\r\n\r\npoison',
    'a length and chunks': 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'an unknown coding': 'HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n\r\npoison',
    'a broken first chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\npoison\r\n0\r\n\r\n',
    'a header of 100,000 bytes': `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(100_000)}\r\ncontent-length: 0\r\n\r\n`,
    '10,000 headers': `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(10_000)}content-length: 0\r\n\r\n`,
    'a change of protocol nobody asked for':
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\npoison',
  };
  const excessive: Readonly<Record<string, string>> = {
    'a second answer':
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison',
    'more than its length': 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokpoison',
    'more behind its last chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\npoison',
    'a body where there is none': 'HTTP/1.1 204 No Content\r\n\r\npoison',
    'a body for a 304': 'HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\npoison',
  };

  test.each(Object.entries(invalid))('%s: 502, and its connection is closed', async (_, raw) => {
    await using client = await connectRaw(gateway.node.port);
    origin.reply = () => ({ raw });
    const before = origin.requests.length;
    const answer = await client.request({ target: '/plain' });
    expect([answer.status, JSON.parse(answer.body.toString()).type]).toEqual([
      502,
      'urn:sluice:problem:upstream_protocol_error',
    ]);
    expect(client.received().includes('poison')).toBe(false);
    const { connection } = origin.requests.at(-1)!;
    origin.reply = () => ({ body: 'ok' });
    expect((await client.request({ target: '/plain' })).body.toString()).toBe('ok');
    expect(origin.requests.length - before).toBe(2);
    expect(origin.requests.at(-1)!.connection).not.toBe(connection);
  });

  test('never answers one client with what was sent to another', async () => {
    const dirty = [...Object.values(invalid), ...Object.values(excessive)];
    const isDirty = (n: number) => n % 3 === 0;
    origin.reply = ({ header }) => {
      const n = Number(header('x-id'));
      return isDirty(n) ? { raw: dirty[(n / 3) % dirty.length]! } : { body: String(n) };
    };
    const report = await startLoad({
      port: gateway.node.port,
      connections: 16,
      total: 3_000,
      request: (n) => ({ target: '/plain', headers: { 'x-id': String(n) } }),
      check: ({ status, body, raw }, n) => {
        if (raw.includes('poison')) return `request ${n} got what nobody may get`;
        if (isDirty(n)) return [200, 204, 304, 502].includes(status) ? undefined : `dirty request ${n} got ${status}`;
        return status === 200 && body.toString() === String(n)
          ? undefined
          : `request ${n} got ${status} ${body.toString()}`;
      },
    }).done;
    expect(report.failures).toEqual([]);
    expect(faultsAt(origin)).toEqual([]);
    await nothingIsLeft();
  });

  test('announces itself a thousand times: few of them are passed on, and the answer is', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n';
    origin.reply = () => ({ interim: Array(1_000).fill(early), body: 'ok' });
    await using client = await connectRaw(gateway.node.port);
    expect((await client.request({ target: '/plain' })).body.toString()).toBe('ok');
    expect(client.received().toString('latin1').split('HTTP/1.1 103').length - 1).toBe(16);
  });
});
