import { describe, expect, test } from 'vitest';
import { ACTIVE_REQUESTS } from '../shared/index.ts';
import { settled } from './testing/eventually.ts';
import { manifestsOf, route, service, simple } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const GET = 'GET /x HTTP/1.1\r\nHost: api.example.com\r\n\r\n';

/** Random ids replaced, so that whole heads can be compared. */
function masked(head: string): string {
  return head
    .replace(/x-request-id: [0-9a-f]{32}\r\n/, 'x-request-id: ID\r\n')
    .replace(/00-[0-9a-f]{32}-[0-9a-f]{16}-00/, 'TRACE')
    .replace(/x-trace-id: [0-9a-f]{32}\r\n/, 'x-trace-id: TRACE\r\n')
    .replace(/date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/, 'date: NOW\r\n');
}

const FORWARDING =
  'x-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: api.example.com\r\n' +
  'forwarded: for=127.0.0.1;host=api.example.com;proto=http\r\nvia: 1.1 sluice\r\n' +
  'x-request-id: ID\r\ntraceparent: TRACE\r\n';
const NAMES = 'x-request-id: ID\r\nx-trace-id: TRACE\r\n';

describe('a request', () => {
  test('arrives at the origin and its answer at the client, byte for byte', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('GET /a/b?x=1&y HTTP/1.1\r\nHost: API.example.com\r\nAccept: */*\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n');
    const upstream = await rig.origin.accept();
    expect(masked(await upstream.takeHead())).toBe(
      `GET /a/b?x=1&y HTTP/1.1\r\nHost: api.example.com\r\nAccept: */*\r\nX-Two: 1\r\nX-Two: 2\r\n${FORWARDING}\r\n`,
    );
    upstream.send(
      'HTTP/1.1 201 Made It\r\nServer: o\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(masked(await client.takeHead())).toBe(
      `HTTP/1.1 201 Made It\r\nServer: o\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\ndate: NOW\r\n${NAMES}Content-Length: 5\r\n\r\n`,
    );
    expect(await client.takeBytes(5)).toBe('hello');
  });

  test('is sent with its small body in one piece, and Content-Length kept', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n');
    const upstream = await rig.origin.accept();
    expect(masked(await upstream.takeHead())).toBe(
      `POST /x HTTP/1.1\r\nHost: api.example.com\r\n${FORWARDING}Content-Length: 4\r\n\r\n`,
    );
    expect(await upstream.takeBytes(4)).toBe('\x00\xff\r\n');
  });

  test('keeps an empty body announced as empty', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect(await (await rig.origin.accept()).takeHead()).toContain('\r\nContent-Length: 0\r\n');
  });

  test('loses what belongs to its connection, whatever Connection lists, and keeps what the gateway says', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(
      'GET /x HTTP/1.1\r\nHost: api.example.com\r\nConnection: x-own, x-forwarded-for, host, x-request-id, keep-alive\r\n' +
        'X-Own: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n' +
        'TE: gzip\r\nProxy-Authorization: Basic eA==\r\nX-Kept: yes\r\n\r\n',
    );
    expect(masked(await (await rig.origin.accept()).takeHead())).toBe(
      `GET /x HTTP/1.1\r\nHost: api.example.com\r\nX-Kept: yes\r\n${FORWARDING}\r\n`,
    );
  });

  test('cannot bring its own identity, forwarding or twins of such names', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(
      'GET /x HTTP/1.1\r\nHost: api.example.com\r\nX-Consumer: admin\r\nX-Consumer-Groups: root\r\nX-Forwarded-For: 1.1.1.1\r\n' +
        'Forwarded: for=1.1.1.1\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n' +
        'X-Forwarded-Port: 1\r\nX_Forwarded_For: 1.1.1.1\r\nX_Consumer: admin\r\nX-Request-Id: mine\r\n\r\n',
    );
    expect(masked(await (await rig.origin.accept()).takeHead())).toBe(
      `GET /x HTTP/1.1\r\nHost: api.example.com\r\n${FORWARDING}\r\n`,
    );
  });

  test('of a trusted peer goes on from what it says', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.apply(
      JSON.stringify({
        kind: 'Listener',
        name: 'http',
        spec: { address: '127.0.0.1:8080', trustedProxies: ['127.0.0.0/8'] },
      }),
    );
    const client = await rig.connect();
    const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    client.send(
      `GET /x HTTP/1.1\r\nHost: api.example.com\r\nX-Forwarded-For: 10.1.1.1\r\nX-Forwarded-Proto: https\r\nVia: 2 edge\r\n` +
        `X-Forwarded-Port: 443\r\nForwarded: for=10.1.1.1\r\nX-Request-Id: abc.DEF-1_2\r\nTraceparent: ${trace}\r\nTracestate: v=1\r\n\r\n`,
    );
    const upstream = await rig.origin.accept();
    expect((await upstream.takeHead()).replace(/-[0-9a-f]{16}-01/, '-SPAN-01')).toBe(
      'GET /x HTTP/1.1\r\nHost: api.example.com\r\nVia: 2 edge\r\nX-Forwarded-Port: 443\r\nTracestate: v=1\r\n' +
        'x-forwarded-for: 10.1.1.1, 127.0.0.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: api.example.com\r\n' +
        'forwarded: for=10.1.1.1, for=127.0.0.1;host=api.example.com;proto=http\r\nvia: 1.1 sluice\r\n' +
        `x-request-id: abc.DEF-1_2\r\ntraceparent: 00-${'a'.repeat(32)}-SPAN-01\r\n\r\n`,
    );
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    const head = await client.takeHead();
    expect(head).toContain('x-request-id: abc.DEF-1_2\r\n');
    expect(head).toContain(`x-trace-id: ${'a'.repeat(32)}\r\n`);
  });

  test('keeps the trace of an untrusted peer but not its sampled flag, and a broken one not at all', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    const id = '0af7651916cd43dd8448eb211c80319c';
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nTraceparent: 00-${id}-b7ad6b7169203331-01\r\n\r\n`);
    const upstream = await rig.origin.accept();
    const first = /traceparent: 00-(.{32})-(.{16})-(..)/.exec(await upstream.takeHead());
    expect(first?.slice(1)).toEqual([id, expect.not.stringMatching('b7ad6b7169203331'), '00']);
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.takeHead();
    client.send(`GET / HTTP/1.1\r\nHost: a\r\nTraceparent: 00-${'0'.repeat(32)}-b7ad6b7169203331-01\r\n\r\n`);
    expect(await upstream.takeHead()).not.toContain('0'.repeat(32));
  });

  test('is rewritten: prefix, host, headers of the route', async () => {
    await using rig = await ProxyRig.start(
      simple({
        match: [{ path: { prefix: '/api' } }],
        rewrite: { stripPrefix: '/api', host: 'inner.example.com' },
        requestHeaders: { set: { 'x-set': 'new' }, add: { 'x-add': '2' }, remove: ['x-gone', 'user-agent'] },
        responseHeaders: { set: { server: 'sluice' }, remove: ['x-powered-by'] },
      }),
    );
    const client = await rig.connect();
    client.send(
      'GET /api/a//b?q HTTP/1.1\r\nHost: api.example.com\r\nX-Set: old\r\nX-Add: 1\r\nX-Gone: 1\r\nUser-Agent: u\r\n\r\n',
    );
    const upstream = await rig.origin.accept();
    expect(masked(await upstream.takeHead())).toBe(
      `GET /a//b?q HTTP/1.1\r\nHost: inner.example.com\r\nX-Add: 1\r\n${FORWARDING}x-set: new\r\nx-add: 2\r\n\r\n`,
    );
    upstream.send('HTTP/1.1 200 OK\r\nServer: o\r\nX-Powered-By: p\r\nContent-Length: 0\r\n\r\n');
    expect(masked(await client.takeHead())).toBe(
      `HTTP/1.1 200 OK\r\ndate: NOW\r\n${NAMES}Content-Length: 0\r\nserver: sluice\r\n\r\n`,
    );
    client.send('GET /api HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await upstream.takeHead()).toMatch(/^GET \/ HTTP/);
    upstream.send('HTTP/1.1 204 No Content\r\n\r\n');
    await client.takeHead();
    client.send('GET /api//evil.example/x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await upstream.takeHead()).toMatch(/^GET \/evil\.example\/x HTTP/);
  });
});

describe('what the gateway itself tells a service', () => {
  const names = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'via', 'x-request-id'];
  const own = [...names, 'traceparent', 'x-consumer'];

  test.each([
    ['is removed where the route says so', { remove: ['X-Forwarded-For', ...own.slice(1)] }, own.map(() => [])],
    [
      'is set where the route says so, once',
      { set: Object.fromEntries(own.map((name) => [name, 'own'])) },
      own.map(() => ['own']),
    ],
  ])('%s', async (_, requestHeaders, expected) => {
    const consumer = { kind: 'Consumer', name: 'app', spec: {} };
    const auth = { anyOf: [{ apiKey: {} }] };
    await using rig = await ProxyRig.start(manifestsOf(service(), consumer, route({ auth, requestHeaders })));
    rig.addKey('secret', 'app');
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: secret\r\nX-Consumer: evil\r\nVia: 1.1 p\r\n\r\n');
    const lines = (await (await rig.origin.accept()).takeHead()).split('\r\n').map((line) => line.split(': '));
    expect(
      own.map((name) => lines.filter((line) => line[0]?.toLowerCase() === name).map(([, value]) => value)),
    ).toEqual(expected);
    expect(lines).toContainEqual(['Host', 'a']);
  });
});

describe('connections', () => {
  test('to the upstream are kept and used again, the last one first', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    for (let i = 0; i < 5; i++) {
      const client = await rig.connect();
      client.send(GET);
      expect((await client.takeMessage()).body).toBe('ok');
      client.send(GET);
      expect((await client.takeMessage()).body).toBe('ok');
    }
    expect(rig.origin.connections).toHaveLength(1);
  });

  test('carry pipelined requests, answered in order, one under way at a time', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(
      'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n' +
        'POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    const upstream = await rig.origin.accept();
    for (const [index, body] of ['abc', '', '3\r\nxyz\r\n0\r\n\r\n', ''].entries()) {
      expect(await upstream.takeHead()).toMatch(new RegExp(`^(GET|POST) /${index + 1} `));
      expect(await upstream.takeBytes(body.length)).toBe(body);
      expect(upstream.received).toBe('');
      upstream.send(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index + 1}`);
      expect((await client.takeMessage()).body).toBe(String(index + 1));
    }
  });

  test('answer ten thousand requests sent at once', async () => {
    await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/other' } }] }));
    const client = await rig.connect();
    client.send('GET /none HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10_000));
    const count = () => client.received.split('HTTP/1.1 404 Not Found').length - 1;
    await client.until(() => count() === 10_000, '10,000 answers');
  });

  test('carry any number of requests one at a time: the others wait with the client', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    // More than the kernel takes on the way.
    const count = 500_000;
    const request = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';
    client.send(request.repeat(count));
    const upstream = await rig.origin.acceptRequest();
    expect(await settled(() => client.unsent)).toBeGreaterThan((count * request.length) / 4);
    expect([upstream.received, rig.origin.connections.length]).toEqual(['', 1]);
    expect(rig.shared.columns.process.total(ACTIVE_REQUESTS)).toBe(1);
    for (let n = 0; n < 3; n++) {
      upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
      await upstream.takeHead();
    }
    expect([upstream.received, rig.origin.connections.length]).toEqual(['', 1]);
  });

  test('close where the client asks, and say so', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const { head, body } = await client.takeMessage();
    expect([head.includes('\r\nconnection: close\r\n'), body]).toEqual([true, 'ok']);
    expect(await client.takeEnding()).toBe('end');
  });

  test('of HTTP/1.0 close unless they ask to be kept', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    const kept = await rig.connect();
    for (let i = 0; i < 2; i++) {
      kept.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      expect((await kept.takeMessage()).head).toContain('\r\nconnection: keep-alive\r\n');
    }
    const closed = await rig.connect();
    closed.send('GET / HTTP/1.0\r\n\r\n');
    expect((await closed.takeMessage()).head).toContain('\r\nconnection: close\r\n');
    expect(await closed.takeEnding()).toBe('end');
  });
});

describe('an answer', () => {
  test.each([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n', 'Content-Length: 500\r\n'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', ''],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\nETag: "x"\r\n\r\n', 'Content-Length: 9\r\n'],
    ['GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'Content-Length: 0\r\n'],
  ])('to %s without a body ends with its head: %j', async (method, answer, framing) => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => answer);
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      const head = await client.takeHead();
      expect(/(?:content-length|transfer-encoding).*\r\n/gi.exec(head)?.[0] ?? '').toBe(framing);
      expect(client.received).toBe('');
    }
    expect(rig.origin.connections).toHaveLength(1);
  });

  test('in chunks is passed on in chunks, with trailers where the client takes them', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(
      () =>
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Type: no\r\n\r\n',
    );
    const client = await rig.connect();
    client.send(GET);
    expect(await client.takeHead()).toContain('\r\nTransfer-Encoding: chunked\r\n');
    expect(await client.take('0\r\n\r\n')).toBe('5\r\nhello\r\n0\r\n\r\n');
    client.send('GET /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n');
    await client.takeHead();
    expect(await client.take('1\r\n\r\n')).toBe('5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  test('in chunks reaches a client of HTTP/1.0 as bytes until close', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(
      () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    );
    const client = await rig.connect();
    client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const head = await client.takeHead();
    expect(head).not.toMatch(/transfer-encoding/i);
    expect(head).toContain('\r\nconnection: close\r\n');
    expect(await client.takeEnding()).toBe('end');
    expect(client.received).toBe('hello world');
  });

  test('until close is passed on in chunks to 1.1 and until close to 1.0', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(GET);
    const first = await rig.origin.acceptRequest();
    first.send('HTTP/1.1 200 OK\r\n\r\nhel');
    expect(await client.takeHead()).toContain('\r\nTransfer-Encoding: chunked\r\n');
    expect(await client.take('hel\r\n')).toBe('3\r\nhel\r\n');
    first.send('lo');
    expect(await client.take('lo\r\n')).toBe('2\r\nlo\r\n');
    first.end();
    expect(await client.take('0\r\n\r\n')).toBe('0\r\n\r\n');

    const old = await rig.connect();
    old.send('GET / HTTP/1.0\r\n\r\n');
    const second = await rig.origin.acceptRequest();
    second.send('HTTP/1.0 200 OK\r\n\r\nhello');
    second.end();
    await old.takeHead();
    expect(await old.takeEnding()).toBe('end');
    expect(old.received).toBe('hello');
    client.send(GET);
    await rig.origin.acceptRequest();
  });

  test('may be preceded by 103 for 1.1 clients, a bounded number of them; 100 and 102 to 1.0 clients are swallowed', async () => {
    await using rig = await ProxyRig.start(simple());
    const hint = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
    rig.origin.answer(
      () => `HTTP/1.1 100 Continue\r\n\r\n${hint.repeat(1000)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
    );
    const client = await rig.connect();
    client.send(GET);
    const all = await client.take('\r\n\r\nok');
    expect(all.split('HTTP/1.1 103 Early Hints').length - 1).toBe(16);
    expect(all).not.toContain('100 Continue');
    const old = await rig.connect();
    old.send('GET / HTTP/1.0\r\n\r\n');
    expect((await old.takeMessage()).head).toMatch(/^HTTP\/1.1 200 OK/);
  });
});

describe('a body on its way up', () => {
  test('goes chunk by chunk, in chunks as it came', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    const upstream = await rig.origin.accept();
    expect(await upstream.takeHead()).toContain('\r\nTransfer-Encoding: chunked\r\n');
    expect(await upstream.takeBytes(8)).toBe('3\r\nabc\r\n');
    client.send('2\r\nde\r\n0\r\nX-Sum: 1\r\nHost2: x\r\n\r\n');
    expect(await upstream.take('\r\n\r\n')).toBe('2\r\nde\r\n0\r\nX-Sum: 1\r\nHost2: x\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.takeMessage()).body).toBe('ok');
  });

  test('of ten megabytes arrives whole, and so does such an answer', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '20MiB' }));
    const size = 10 * 1024 * 1024;
    const body = Buffer.alloc(size, 'abcdefghij').toString('latin1');
    rig.origin.answer((_, received) => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${received}`);
    const client = await rig.connect();
    client.send(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    client.send(body);
    const answer = await client.takeMessage();
    expect(answer.body === body).toBe(true);
  });

  test('waits for 100 (Continue), which the gateway says once the request may go on', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    expect(await client.takeHead()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    const upstream = await rig.origin.accept();
    expect(await upstream.takeHead()).not.toMatch(/expect/i);
    client.send('abc');
    expect(await upstream.takeBytes(3)).toBe('abc');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect((await client.takeMessage()).body).toBe('ok');
    client.send(GET);
    expect(await upstream.takeHead()).toMatch(/^GET/);
  });

  test('may be overtaken by the answer: both connections end after it, since where a next request begins is unknown', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    const upstream = await rig.origin.acceptRequest();
    upstream.send('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    const { head, body } = await client.takeMessage();
    expect([head.includes('\r\nconnection: close\r\n'), body]).toEqual([true, 'no']);
    client.send('defghijGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.takeEnding()).toBe('end');
    await upstream.takeEnding();
    expect(upstream.received).not.toContain('smuggled');
  });
});
