import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { exposed } from '../testing/request-counts.ts';

const FRESH = 'Cache-Control: max-age=600\r\n';
/** Kept, and past its time at once. */
const STALE = 'Cache-Control: max-age=10\r\nAge: 11\r\nETag: "v1"\r\n';

const get = (target = '/', fields = '', host = 'a', method = 'GET'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}\r\n`;
const answer = (body: string, fields = FRESH, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;

interface Asked {
  readonly head: string;
  readonly body: string;
}

/** A route with a cache, and an origin that numbers its answers. */
async function cachedRig(
  cache: object = {},
  fields: string | ((head: string) => string) = FRESH,
  more: object = {},
  serviceSpec: object = {},
): Promise<{ rig: ProxyRig; asked: Asked[]; client: RawPeer } & AsyncDisposable> {
  const rig = await ProxyRig.start(simple({ cache, ...more }, serviceSpec));
  const asked: Asked[] = [];
  rig.origin.answer((head, body) => {
    asked.push({ head, body });
    const text = String(asked.length);
    return answer(head.startsWith('HEAD') ? '' : text, typeof fields === 'string' ? fields : fields(head));
  });
  return { rig, asked, client: await rig.connect(), [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() };
}

async function ask(client: RawPeer, request: string): Promise<Asked> {
  client.send(request);
  return request.startsWith('HEAD') ? { head: await client.takeHead(), body: '' } : client.takeMessage();
}

const results = (rig: ProxyRig): Record<string, number> =>
  Object.fromEntries(
    [...exposed(rig).matchAll(/^gateway_cache_requests_total\{route="all",result="(\w+)"\} (\d+)$/gm)]
      .map(([, result = '', count]) => [result, Number(count)] as const)
      .filter(([, count]) => count > 0),
  );

describe('an answer that is kept', () => {
  test('serves who asks next, with its age and where it is from', async () => {
    await using at = await cachedRig();
    const { rig, client, asked } = at;
    const first = await ask(client, get());
    expect(first.head).toContain('cache-status: sluice; fwd=uri-miss; stored\r\n');
    const second = await ask(client, get());
    expect(second.body).toBe('1');
    expect(second.head).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(second.head).toMatch(/\r\nage: 0\r\ncache-status: sluice; hit; ttl=(600|599)\r\n/);
    expect(second.head).toContain('\r\nCache-Control: max-age=600\r\n');
    expect(second.head).toMatch(/\r\nx-request-id: \w+/);
    expect(asked).toHaveLength(1);
    expect(results(rig)).toEqual({ miss: 1, hit: 1 });
  });

  test.each([
    ['path', get('/a'), get('/b')],
    ['query', get('/?a=1'), get('/?a=2')],
    ['host', get('/', '', 'a'), get('/', '', 'b')],
    ['port of the host', get('/', '', 'a'), get('/', '', 'a:8080')],
  ])('is told from others by its %s', async (_, one, other) => {
    await using at = await cachedRig();
    await ask(at.client, one);
    expect((await ask(at.client, other)).body).toBe('2');
    expect((await ask(at.client, one)).body).toBe('1');
  });

  test.each([
    ['/./a/../b', '/b'],
    ['/%62', '/b'],
  ])('is found by the one form of its path: %s is %s', async (written, normal) => {
    await using at = await cachedRig();
    await ask(at.client, get(normal));
    expect((await ask(at.client, get(written))).body).toBe('1');
  });

  test.each([['A'], ['a.']])('is found by the one form of its host: %s', async (host) => {
    await using at = await cachedRig();
    await ask(at.client, get('/', '', 'a'));
    expect((await ask(at.client, get('/', '', host))).body).toBe('1');
  });

  test('is found by the host of an absolute target, whatever Host says', async () => {
    await using at = await cachedRig();
    await ask(at.client, get('/', '', 'a'));
    expect((await ask(at.client, get('http://a/', '', 'b'))).body).toBe('1');
    expect((await ask(at.client, get('/', '', 'b'))).body).toBe('2');
  });

  test('is told from others by what the service varies it by, and by what the route says', async () => {
    await using at = await cachedRig({ vary: ['x-tenant'] }, `${FRESH}Vary: Accept, accept-language\r\n`);
    const { client } = at;
    const requests = [
      get('/', 'Accept: a\r\n'),
      get('/', 'Accept: b\r\n'),
      get('/', 'Accept: a\r\nAccept-Language: de\r\n'),
      get('/', 'Accept: a\r\nX-Tenant: t\r\n'),
    ];
    for (const [i, request] of requests.entries()) expect((await ask(client, request)).body).toBe(String(i + 1));
    for (const [i, request] of requests.entries()) expect((await ask(client, request)).body).toBe(String(i + 1));
    expect((await ask(client, get('/', 'accept:  a\r\n'))).body).toBe('1');
  });

  test('goes to HEAD without its body, and to who has it already as 304', async () => {
    await using at = await cachedRig({}, `${FRESH}ETag: "v1"\r\n`);
    await ask(at.client, get());
    const head = await ask(at.client, get('/', '', 'a', 'HEAD'));
    expect(head.head).toContain('content-length: 1\r\n');
    expect(head.head).toContain('sluice; hit');
    at.client.send(get('/', 'If-None-Match: "v0", W/"v1"\r\n'));
    const unchanged = await at.client.takeHead();
    expect(unchanged).toMatch(/^HTTP\/1\.1 304 Not Modified\r\n/);
    expect(unchanged).toContain('ETag: "v1"\r\n');
    expect((await ask(at.client, get('/', 'If-None-Match: "v2"\r\n'))).body).toBe('1');
    expect(at.asked).toHaveLength(1);
  });

  test('is whole where it came in chunks, and is sent with its length', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const client = await rig.connect();
    client.send(get());
    const origin = await rig.origin.acceptRequest();
    origin.send(`HTTP/1.1 200 OK\r\n${FRESH}Transfer-Encoding: chunked\r\n\r\n3\r\nab`);
    await client.take('ab');
    origin.send('c\r\n2;x=y\r\nde\r\n0\r\n\r\n');
    await client.take('0\r\n\r\n');
    expect(await ask(client, get())).toMatchObject({ body: 'abcde' });
  });

  test('is begun anew where its route says something else about it', async () => {
    await using at = await cachedRig();
    await ask(at.client, get());
    at.rig.apply(simple({ cache: {}, responseHeaders: { set: { 'x-new': '1' } } }));
    const { head, body } = await ask(at.client, get());
    expect(body).toBe('2');
    expect(head).toContain('x-new: 1\r\n');
    expect((await ask(at.client, get())).head).toContain('x-new: 1\r\n');
    expect(at.asked).toHaveLength(2);
  });

  test('is the edited one', async () => {
    const fields = `${FRESH}Content-Type: application/json\r\n`;
    await using rig = await ProxyRig.start(simple({ cache: {}, responseBody: { remove: ['secret'] } }));
    let asked = 0;
    rig.origin.answer(() => answer(`{"secret":1,"n":${++asked}}`, fields));
    const client = await rig.connect();
    expect((await ask(client, get())).body).toBe('{"n":1}');
    expect((await ask(client, get())).body).toBe('{"n":1}');
  });
});

describe('nothing is kept', () => {
  test.each([
    ['private', 'Cache-Control: private, max-age=600\r\n'],
    ['no-store', 'Cache-Control: no-store, max-age=600\r\n'],
    ['a cookie for its client', `${FRESH}Set-Cookie: id=1\r\n`],
    ['Vary: *', `${FRESH}Vary: *\r\n`],
    ['no time, where the route gives none', ''],
    ['a time that is over', 'Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n'],
  ])('of an answer with %s', async (_, fields) => {
    await using at = await cachedRig({}, fields);
    for (const body of ['1', '2', '3']) expect((await ask(at.client, get())).body).toBe(body);
  });

  test('of what a caller got, unless the service says that it is for all', async () => {
    let fields = FRESH;
    await using at = await cachedRig({}, () => fields);
    const mine = get('/', 'Authorization: Bearer mine\r\n');
    expect((await ask(at.client, mine)).body).toBe('1');
    expect((await ask(at.client, get('/', 'Authorization: Bearer yours\r\n'))).body).toBe('2');
    expect((await ask(at.client, get('/1'))).body).toBe('3');
    fields = 'Cache-Control: public, max-age=600\r\n';
    expect((await ask(at.client, mine.replace('/ ', '/2 '))).body).toBe('4');
    expect((await ask(at.client, get('/2'))).body).toBe('4');
  });

  test('of what an identified consumer got, unless the route tells consumers apart', async () => {
    const keyed = { auth: { anyOf: [{ apiKey: {} }] } };
    const consumers = ['ann', 'bob'].map((name) => ({ kind: 'Consumer', name, spec: {} }));
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        ...consumers,
        route({ cache: {}, ...keyed }),
        route({ ...keyed, cache: { vary: ['x-consumer'] }, match: [{ path: { prefix: '/by' } }] }, 'by'),
      ),
    );
    rig.addKey('a', 'ann');
    rig.addKey('b', 'bob');
    let asked = 0;
    rig.origin.answer(() => answer(String(++asked)));
    const client = await rig.connect();
    const as = async (key: string, target: string) => (await ask(client, get(target, `X-Api-Key: ${key}\r\n`))).body;
    expect([await as('a', '/'), await as('b', '/'), await as('a', '/')]).toEqual(['1', '2', '3']);
    expect([await as('a', '/by'), await as('b', '/by'), await as('a', '/by'), await as('b', '/by')]).toEqual([
      '4',
      '5',
      '4',
      '5',
    ]);
  });

  test('of an answer that broke off, or whose end nobody knows', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    for (const broken of [
      `HTTP/1.1 200 OK\r\n${FRESH}Content-Length: 10\r\n\r\nshort`,
      `HTTP/1.1 200 OK\r\n${FRESH}Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n`,
      `HTTP/1.1 200 OK\r\n${FRESH}\r\nshort`,
    ]) {
      const client = await rig.connect();
      client.send(get());
      const origin = await rig.origin.acceptRequest();
      origin.send(broken);
      origin.end();
      await client.take('short');
      await eventually(() => client.ending !== 'open' || client.received.includes('0\r\n'), 'the end');
    }
    const client = await rig.connect();
    client.send(get());
    const origin = await rig.origin.acceptRequest();
    origin.send(answer('whole'));
    expect((await client.takeMessage()).body).toBe('whole');
  });

  test('of a body beyond maxBodyBytes, and one of just that is', async () => {
    for (const framing of ['length', 'chunked']) {
      await using rig = await ProxyRig.start(simple({ cache: { maxBodyBytes: '1KiB' } }));
      let asked = 0;
      rig.origin.answer((head) => {
        const text = `${++asked}`.padEnd(head.includes(' /n ') ? 1024 : 1025, '.');
        if (framing === 'length') return answer(text);
        return `HTTP/1.1 200 OK\r\n${FRESH}Transfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      });
      const client = await rig.connect();
      for (const target of ['/n', '/n', '/more', '/more']) {
        client.send(get(target));
        const head = await client.takeHead();
        if (/transfer-encoding/i.test(head)) await client.take('0\r\n\r\n');
        else await client.takeBytes(Number(/content-length: (\d+)/i.exec(head)?.[1]));
      }
      expect(asked).toBe(3);
    }
  });

  test('of requests for a part, with content, or that say no-store', async () => {
    await using at = await cachedRig();
    await ask(at.client, get());
    expect((await ask(at.client, get('/', 'Range: bytes=0-0\r\n'))).body).toBe('2');
    expect((await ask(at.client, get('/', 'Cache-Control: no-store\r\n'))).body).toBe('3');
    expect((await ask(at.client, get('/', 'Content-Length: 1\r\n').concat('x'))).body).toBe('4');
    expect((await ask(at.client, get())).body).toBe('1');
    expect(results(at.rig)).toEqual({ miss: 1, bypass: 3, hit: 1 });
  });

  test('and nothing is said on routes without a cache', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => answer('x'));
    const { head } = await ask(await rig.connect(), get());
    expect(head).not.toContain('cache-status');
  });
});

describe('an answer past its time', () => {
  test('serves again once the service says that it holds, with what that says', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const asked: string[] = [];
    rig.origin.answer((head) => {
      asked.push(head);
      if (asked.length === 1) return answer('one', `${STALE}X-One: 1\r\nX-Two: 1\r\n`);
      return `HTTP/1.1 304 Not Modified\r\n${FRESH}X-Two: 2\r\nETag: "v1"\r\n\r\n`;
    });
    const client = await rig.connect();
    await ask(client, get());
    const again = await ask(client, get('/', 'If-None-Match: "v0"\r\n'));
    expect(asked[1]).toContain('if-none-match: "v1"\r\n');
    expect(asked[1]).not.toContain('"v0"');
    expect(again.body).toBe('one');
    expect(again.head).toContain('cache-status: sluice; hit; fwd=stale; fwd-status=304');
    expect(again.head).toContain('X-One: 1\r\n');
    expect(again.head).toContain('X-Two: 2\r\n');
    expect(again.head).not.toContain('X-Two: 1\r\n');
    expect((await ask(client, get())).head).toMatch(/sluice; hit; ttl=/);
    expect(asked).toHaveLength(2);
    expect(results(rig)).toEqual({ miss: 1, revalidated: 1, hit: 1 });
  });

  test('gives way to a new one', async () => {
    await using at = await cachedRig({}, (head) => (head.includes('if-none-match') ? FRESH : STALE));
    expect((await ask(at.client, get())).body).toBe('1');
    expect((await ask(at.client, get())).body).toBe('2');
    expect((await ask(at.client, get())).body).toBe('2');
  });

  test('is served at once where it may be, while one request fetches it again', async () => {
    const stale = STALE.replace('max-age=10', 'max-age=10, stale-while-revalidate=60');
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const client = await rig.connect();
    client.send(get());
    const origin = await rig.origin.acceptRequest();
    origin.send(answer('1', stale));
    await client.takeMessage();
    for (let i = 0; i < 3; i++) {
      const { head, body } = await ask(client, get());
      expect(body).toBe('1');
      expect(head).toMatch(/sluice; hit; ttl=-\d+/);
    }
    expect(await origin.takeHead()).toContain('if-none-match: "v1"');
    origin.send(answer('2'));
    await eventually(async () => (await ask(client, get())).body === '2', 'the new answer');
    expect(origin.received).toBe('');
    expect(rig.origin.connections).toHaveLength(1);
    expect(results(rig).stale).toBeGreaterThanOrEqual(3);
    expect(exposed(rig)).toContain('gateway_active_requests 0\n');
  });

  test.each([
    ['answers 503', () => answer('no', '', '503 Service Unavailable')],
    ['breaks off', () => ''],
  ])('is served where the service %s, if that may be', async (_, failure) => {
    await using rig = await ProxyRig.start(simple({ cache: { staleIfError: '1m' } }));
    const fields = (head: string) => (head.includes('/must') ? STALE.replace('=10', '=10, must-revalidate') : STALE);
    rig.origin.onConnection = (peer) => {
      void (async () => {
        for (;;) {
          const { head } = await peer.takeMessage();
          const text = head.includes('if-none-match') ? failure() : answer('kept', fields(head));
          if (text === '') return peer.reset();
          peer.send(text);
        }
      })().catch(() => undefined);
    };
    const client = await rig.connect();
    await ask(client, get('/may'));
    await ask(client, get('/must'));
    expect(await ask(client, get('/may'))).toMatchObject({ body: 'kept' });
    expect((await ask(client, get('/must'))).head).toMatch(/^HTTP\/1\.1 50[23] /);
    expect(results(rig).stale).toBe(1);
  });

  test('is what the fallback staleCache serves, with the breaker open too', async () => {
    const spec = { circuitBreaker: { consecutiveFailures: 1 }, fallback: [{ staleCache: { maxAge: '1m' } }] };
    await using at = await cachedRig({}, STALE, {}, spec);
    await ask(at.client, get());
    at.rig.origin.answer(() => answer('no', '', '503 Service Unavailable'));
    const { rig } = at;
    for (const peer of rig.origin.connections) peer.destroy();
    for (let i = 0; i < 3; i++) expect((await ask(at.client, get())).body).toBe('1');
    expect(problemOf(await ask(at.client, get('/other')))).toMatchObject({ code: 'circuit_open' });
    expect(exposed(rig)).toContain('gateway_fallbacks_total{service="svc",kind="staleCache"} 3');
  });

  test('is not served by staleCache beyond its age', async () => {
    const spec = { fallback: [{ staleCache: { maxAge: '11s' } }, { response: { status: 299, text: 'other' } }] };
    const fields = (head: string) => (head.includes('/young') ? STALE.replace('Age: 11', 'Age: 10') : STALE);
    await using at = await cachedRig({}, fields, {}, spec);
    await ask(at.client, get('/young'));
    await ask(at.client, get('/old'));
    await at.rig.origin.close();
    expect((await ask(at.client, get('/young'))).body).toBe('1');
    expect((await ask(at.client, get('/old'))).body).toBe('other');
  });
});

describe('a request may ask', () => {
  test('for an answer from the cache alone', async () => {
    await using at = await cachedRig();
    const only = get('/', 'Cache-Control: only-if-cached\r\n');
    expect(problemOf(await ask(at.client, only))).toMatchObject({ status: 504, code: 'not_cached' });
    await ask(at.client, get());
    expect((await ask(at.client, only)).body).toBe('1');
  });

  test.each(['Cache-Control: no-cache', 'Cache-Control: max-age=0', 'Pragma: no-cache'])(
    'for a new answer: %s',
    async (field) => {
      await using at = await cachedRig({}, `${FRESH}Age: 5\r\n`);
      await ask(at.client, get());
      expect((await ask(at.client, get('/', `${field}\r\n`))).body).toBe('2');
      expect((await ask(at.client, get())).body).toBe('2');
    },
  );

  test('to change something, and then its address is asked for anew', async () => {
    await using at = await cachedRig({}, (head) => (head.startsWith('POST') ? 'Location: /made\r\n' : FRESH));
    for (const target of ['/', '/made', '/other']) await ask(at.client, get(target));
    await ask(at.client, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect((await ask(at.client, get('/'))).body).toBe('5');
    expect((await ask(at.client, get('/made'))).body).toBe('6');
    expect((await ask(at.client, get('/other'))).body).toBe('3');
  });
});

describe('many that ask for the same at once', () => {
  test('make one request to the service', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const clients = await Promise.all(Array.from({ length: 1000 }, () => rig.connect()));
    for (const client of clients) client.send(get());
    const origin = await rig.origin.acceptRequest();
    await eventually(() => exposed(rig).includes('gateway_overflow_total{what="cache_waits"} 999\n'), 'those who wait');
    origin.send(answer('once'));
    const answers = await Promise.all(clients.map((client) => client.takeMessage()));
    expect(answers.every(({ body }) => body === 'once')).toBe(true);
    expect(answers.filter(({ head }) => head.includes('; collapsed')).length).toBe(999);
    expect(rig.origin.connections).toHaveLength(1);
    expect(origin.received).toBe('');
  });

  test('go on one after the other where the first fails or goes away', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const [first, second, third] = [await rig.connect(), await rig.connect(), await rig.connect()];
    first.send(get());
    await rig.origin.acceptRequest();
    second.send(get());
    third.send(get());
    await eventually(() => exposed(rig).includes('gateway_overflow_total{what="cache_waits"} 2\n'), 'those who wait');
    first.destroy();
    const two = await rig.origin.acceptRequest();
    two.reset();
    const three = await rig.origin.acceptRequest();
    three.send(answer('at last'));
    const bodies = (await Promise.all([second, third].map((client) => client.takeMessage()))).map(({ body }) => body);
    expect(bodies).toContain('at last');
    expect(rig.origin.connections).toHaveLength(3);
  });

  test('are let go by twice as many each time the service fails, to a bound', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const asked: RawPeer[] = [];
    rig.origin.onConnection = (peer) => {
      void (async () => {
        for (;;) {
          await peer.takeHead();
          asked.push(peer);
        }
      })().catch(() => undefined);
    };
    const batches = [1, 1, 2, 4, 8, 16, 16, 16];
    const clients = await Promise.all(Array.from({ length: 64 }, () => rig.connect()));
    for (const client of clients) client.send(get());
    await eventually(() => exposed(rig).includes('gateway_overflow_total{what="cache_waits"} 63\n'), 'those who wait');
    for (const batch of batches) {
      await eventually(() => asked.length >= batch, `${batch} of them ask`);
      expect(asked).toHaveLength(batch);
      for (const [at, peer] of asked.splice(0).entries()) peer.send(answer(String(at), '', '503 Service Unavailable'));
    }
    for (const client of clients) expect((await client.takeMessage()).head).toContain(' 503 ');
  });

  test('do not wait for each other where the answer cannot be kept', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {} }));
    const clients = await Promise.all(Array.from({ length: 5 }, () => rig.connect()));
    for (const client of clients) client.send(get());
    const first = await rig.origin.acceptRequest();
    first.send(answer('mine', 'Cache-Control: private\r\n').slice(0, -1));
    const others = await Promise.all([1, 2, 3, 4].map(() => rig.origin.accept()));
    first.send('e');
    for (const origin of others) {
      await origin.takeHead();
      origin.send(answer('mine', 'Cache-Control: private\r\n'));
    }
    for (const client of clients) expect((await client.takeMessage()).body).toBe('mine');
  });

  test('wait no longer than their route lets them', async () => {
    await using rig = await ProxyRig.start(simple({ cache: {}, timeout: '300ms' }));
    const [first, second] = [await rig.connect(), await rig.connect()];
    first.send(get());
    second.send(get());
    for (const client of [first, second]) {
      expect(problemOf(await client.takeMessage())).toMatchObject({ code: 'upstream_timeout' });
    }
  });

  test('do not wait for a client that reads slowly', async () => {
    await using rig = await ProxyRig.start(simple({ cache: { maxBodyBytes: '4MiB' } }));
    const body = 'x'.repeat(3 * 1024 * 1024);
    rig.origin.answer(() => answer(body));
    const [slow, other] = [await rig.connect(), await rig.connect()];
    slow.pause();
    slow.send(get());
    await eventually(() => rig.origin.connections.length === 1, 'the first');
    other.send(get());
    expect((await other.takeMessage()).body.length).toBe(body.length);
    slow.resume();
    expect((await slow.takeMessage()).body.length).toBe(body.length);
    expect(rig.origin.connections).toHaveLength(1);
  });
});

test('what is encoded is kept as it is and inflated by nobody', async () => {
  const bomb = gzipSync(Buffer.alloc(8 * 1024 * 1024)).toString('latin1');
  await using rig = await ProxyRig.start(simple({ cache: {} }));
  rig.origin.answer(() => answer(bomb, `${FRESH}Content-Encoding: gzip\r\n`));
  const client = await rig.connect();
  await ask(client, get());
  const again = await ask(client, get());
  expect(again.body).toBe(bomb);
  expect(again.head).toContain('Content-Encoding: gzip\r\n');
});
