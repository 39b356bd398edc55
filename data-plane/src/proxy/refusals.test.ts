import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service, simple } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const POST = 'POST / HTTP/1.1\r\nHost: a\r\n';
const REQUEST = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

describe('what is no request is refused and its connection closed', () => {
  test.each([
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400, 'bad_request'],
    ['bare LF', 'GET / HTTP/1.1\nHost: a\n\n', 400, 'bad_request'],
    ['two lengths', `${POST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400, 'bad_request'],
    ['an unknown coding', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`, 501, 'not_implemented'],
    ['an unknown expectation', `${POST}Expect: tea\r\nContent-Length: 1\r\n\r\n`, 417, 'expectation_failed'],
    ['an unknown version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505, 'http_version'],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 501, 'not_implemented'],
    ['a long target', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n`, 414, 'uri_too_long'],
    ['a long header', `${POST}X: ${'a'.repeat(40_000)}\r\n`, 431, 'headers_too_large'],
    ['many headers', `${POST}${'X: y\r\n'.repeat(101)}\r\n`, 431, 'headers_too_large'],
  ])('%s', async (_, text, status, code) => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send(text);
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toEqual({ status, code, proxyStatus: 'http_request_error' });
    expect(answer.head).toContain('\r\nconnection: close\r\n');
    expect(await client.takeEnding()).toBe('end');
    expect(rig.origin.connections).toHaveLength(0);
  });
});

describe('what no route takes', () => {
  const manifests = manifestsOf(
    service(),
    route({ match: [{ path: { prefix: '/r' }, methods: ['GET'] }] }),
    route({ match: [{ path: { exact: '/put' }, methods: ['PUT', 'DELETE'] }] }, 'put'),
  );

  test.each([
    ['GET /none HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'route_not_found'],
    ['OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', 404, 'route_not_found'],
    ['POST /put HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc', 405, 'method_not_allowed'],
  ])('%j is told so, and its connection kept', async (text, status, code) => {
    await using rig = await ProxyRig.start(manifests);
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(text);
      const answer = await client.takeMessage();
      expect(problemOf(answer)).toEqual({ status, code, proxyStatus: 'http_request_error' });
      expect(answer.head.includes('allow: DELETE, PUT\r\n')).toBe(status === 405);
    }
  });

  test.each(['/r/%2f', '/r/%00', '/r/..%5c', '/r/..;/b'])(
    'with a path of two meanings (%s) ends its connection',
    async (path) => {
      await using rig = await ProxyRig.start(manifests);
      const client = await rig.connect();
      client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\nGET /r HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(problemOf(await client.takeMessage())).toMatchObject({ status: 400, code: 'bad_request' });
      expect(await client.takeEnding()).toBe('end');
      expect([client.received, rig.origin.connections]).toEqual(['', []]);
    },
  );

  test('goes by the one form of a path, which is also what the origin gets', async () => {
    await using rig = await ProxyRig.start(manifests);
    rig.origin.answer(
      (head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.indexOf(' HTTP')}\r\n\r\n${head.split(' HTTP')[0]}`,
    );
    const client = await rig.connect();
    client.send('GET http://b/x/../r/%7ea/./b?%2e HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).body).toBe('GET /r/~a/b?%2e');
    client.send('HEAD /r HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.takeHead()).toMatch(/^HTTP\/1.1 200/);
  });

  test('a preflight goes where the request it announces would go', async () => {
    await using rig = await ProxyRig.start(manifests);
    rig.origin.answer(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    const client = await rig.connect();
    client.send('OPTIONS /put HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: PUT\r\n\r\n');
    expect(await client.takeHead()).toMatch(/^HTTP\/1.1 204/);
    client.send('OPTIONS /put HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage()).code).toBe('method_not_allowed');
  });
});

describe('before and beside the route', () => {
  test('without a configuration everything is not_ready', async () => {
    await using rig = await ProxyRig.start();
    const client = await rig.connect();
    client.send(REQUEST);
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toMatchObject({ status: 503, code: 'not_ready' });
    expect(answer.head).toContain('\r\nretry-after: 1\r\n');
    rig.apply(simple());
    rig.origin.answer(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    client.send(REQUEST);
    expect(await client.takeHead()).toMatch(/^HTTP\/1.1 204/);
  });

  test('a service that is switched off answers service_disabled, one without endpoints no_healthy_endpoint', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(
        service({ enabled: false }, 'off'),
        service({ endpoints: [{ address: 'ORIGIN', weight: 0 }] }, 'empty'),
        route({ match: [{ path: { prefix: '/off' } }], service: 'off' }, 'off'),
        route({ match: [{ path: { prefix: '/empty' } }], service: 'empty' }, 'empty'),
      ),
    );
    const client = await rig.connect();
    client.send('GET /off HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 503, code: 'service_disabled' });
    client.send('GET /empty HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 503, code: 'no_healthy_endpoint', proxyStatus: 'destination_unavailable' },
    });
  });

  test('a route that lacks something it needs answers policy_unavailable', async () => {
    await using rig = await ProxyRig.start(manifestsOf(route({ service: 'missing' })));
    const client = await rig.connect();
    client.send(REQUEST);
    expect(problemOf(await client.takeMessage())).toEqual({
      ...{ status: 503, code: 'policy_unavailable', proxyStatus: 'proxy_configuration_error' },
    });
  });

  test('a refusal of HEAD has no body', async () => {
    await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/r' } }] }));
    const client = await rig.connect();
    client.send('HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.takeHead()).toMatch(/content-length: \d\d/);
    client.send('GET /none HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(problemOf(await client.takeMessage()).status).toBe(404);
  });
});

describe('a body that is too large', () => {
  test('is refused by its length before anything is sent', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '10B' }));
    rig.origin.answer((_, body) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789');
    expect((await client.takeMessage()).body).toBe('0123456789');
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n0123456789a');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 413, code: 'body_too_large' });
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 999999\r\n\r\n');
    const last = await client.takeMessage();
    expect(problemOf(last).status).toBe(413);
    expect(last.head).toContain('connection: close\r\n');
    expect(await client.takeEnding()).toBe('end');
  });

  test('is refused in chunks as soon as it is', async () => {
    await using rig = await ProxyRig.start(simple({ bodyBytes: '10B' }));
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n');
    const upstream = await rig.origin.accept();
    await upstream.take('01234567\r\n');
    client.send('3\r\nabc\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 413, code: 'body_too_large' });
    expect(await client.takeEnding()).toBe('end');
    await upstream.takeEnding();
  });

  test('or malformed ends the request at the origin too', async () => {
    await using rig = await ProxyRig.start(simple());
    const client = await rig.connect();
    client.send('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    const upstream = await rig.origin.accept();
    await upstream.take('abc\r\n');
    client.send('0x3\r\nabc\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 400, code: 'bad_request' });
    await upstream.takeEnding();
    expect(upstream.received).toBe('');
  });
});

test('a refused request with a small body keeps its connection, which goes on with the next request', async () => {
  await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/r' } }] }));
  rig.origin.answer(() => 'HTTP/1.1 204 No Content\r\n\r\n');
  const client = await rig.connect();
  client.send('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /smug');
  const { head, body } = await client.takeMessage();
  expect([head.includes('connection: close'), problemOf({ head, body }).status]).toEqual([false, 404]);
  client.send('gled HTTP/1.1\r\nHos:\r\nGET /r HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(await client.takeHead()).toMatch(/^HTTP\/1.1 204/);
});

test('a refused request whose client waits for 100 (Continue) ends its connection', async () => {
  await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/r' } }] }));
  const client = await rig.connect();
  client.send('POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
  expect((await client.takeMessage()).head).toContain('connection: close\r\n');
  expect(await client.takeEnding()).toBe('end');
});
