/** What RFC 9110 asks of who passes messages on, beyond their framing. */
import { describe, expect, test } from 'vitest';
import { simple } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const NOW = /\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/;

function trustingListener(): string {
  const spec = { address: '127.0.0.1:8080', trustedProxies: ['127.0.0.0/8'] };
  return JSON.stringify({ kind: 'Listener', name: 'http', spec });
}

/** A service that takes every path, and `*`. */
function everyPath(routeSpec: object = {}): string {
  return simple({ match: [{}], ...routeSpec });
}

describe('Date', () => {
  test.each([
    ['is added to an answer that has none', OK, 1, true],
    ['is left as it came', OK.replace('\r\n\r\n', '\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n'), 1, false],
    [
      'taken away by Connection is replaced',
      OK.replace('\r\n\r\n', '\r\nConnection: date\r\nDate: x\r\n\r\n'),
      1,
      true,
    ],
  ])('%s', async (_, answer, count, isOurs) => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => answer);
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { head } = await client.takeMessage();
    expect([head.match(/^date:/gim)?.length, NOW.test(head)]).toEqual([count, isOurs]);
  });

  test('that a route removes is not added', async () => {
    await using rig = await ProxyRig.start(simple({ responseHeaders: { remove: ['Date'] } }));
    rig.origin.answer(() => OK);
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).head).not.toMatch(/date:/i);
  });

  test('is in every answer of the gateway, and in no interim one', async () => {
    await using rig = await ProxyRig.start(simple({ match: [{ path: { prefix: '/a' } }] }));
    rig.origin.answer(() => `HTTP/1.1 103 Early Hints\r\n\r\n${OK}`);
    const client = await rig.connect();
    client.send('GET /none HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).head).toMatch(NOW);
    client.send('GET /a HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await client.takeHead()).toBe('HTTP/1.1 103 Early Hints\r\n\r\n');
  });
});

describe('Max-Forwards', () => {
  test('is counted down for OPTIONS, and passed on with other methods', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer((head) => OK.replace('ok', /max-forwards: (\d+)/.exec(head)?.[1]?.padStart(2) ?? '--'));
    const client = await rig.connect();
    const ask = async (method: string, value: string) => {
      client.send(`${method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: ${value}\r\n\r\n`);
      return (await client.takeMessage()).body;
    };
    expect([
      await ask('OPTIONS', '10'),
      await ask('OPTIONS', '1'),
      await ask('GET', '7'),
      await ask('GET', '0'),
    ]).toEqual([...[' 9', ' 0', ' 7', ' 0']]);
  });

  test.each(['/x', '*', 'http://a'])('of 0 ends OPTIONS %s at the gateway, which answers itself', async (target) => {
    await using rig = await ProxyRig.start(everyPath());
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(`OPTIONS ${target} HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nContent-Length: 2\r\n\r\nhi`);
      const { head, body } = await client.takeMessage();
      expect([head.slice(0, 15), NOW.test(head), body]).toEqual(['HTTP/1.1 200 OK', true, '']);
    }
    expect(rig.origin.connections).toHaveLength(0);
  });

  test('of 0 opens no way around authentication', async () => {
    await using rig = await ProxyRig.start(everyPath({ auth: { anyOf: [{ apiKey: {} }] } }));
    const client = await rig.connect();
    client.send('OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n');
    expect(problemOf(await client.takeMessage())).toMatchObject({ status: 401 });
  });
});

describe('OPTIONS for the server as a whole', () => {
  test.each(['*', 'http://api.example.com'])('(%s) arrives as *, which no rewriting touches', async (target) => {
    await using rig = await ProxyRig.start(everyPath({ rewrite: { path: '/inner' } }));
    const client = await rig.connect();
    client.send(`OPTIONS ${target} HTTP/1.1\r\nHost: api.example.com\r\n\r\n`);
    expect(await (await rig.origin.accept()).takeHead()).toMatch(
      /^OPTIONS \* HTTP\/1\.1\r\nHost: api\.example\.com\r\n/,
    );
  });
});

test('TRACE is not served: it would show the client what only the upstream is told', async () => {
  await using rig = await ProxyRig.start(simple({ requestHeaders: { set: { 'x-secret': 's' } } }));
  const client = await rig.connect();
  client.send('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(problemOf(await client.takeMessage())).toMatchObject({ status: 501, code: 'not_implemented' });
  expect(await client.takeEnding()).toBe('end');
  expect(rig.origin.connections).toHaveLength(0);
});

test('an https target on a connection without TLS is believed of a trusted proxy alone', async () => {
  await using rig = await ProxyRig.start(simple());
  rig.origin.answer(() => OK);
  const client = await rig.connect();
  const request = 'GET https://a/x HTTP/1.1\r\nHost: a\r\n\r\n';
  client.send(request);
  expect(problemOf(await client.takeMessage())).toMatchObject({ status: 400 });
  rig.apply(trustingListener());
  const trusted = await rig.connect();
  trusted.send(request);
  expect((await trusted.takeMessage()).body).toBe('ok');
});

test('a request of HTTP/1.0 without Host names the endpoint, so that every server takes it', async () => {
  await using rig = await ProxyRig.start(simple());
  for (const host of ['', 'Host:\r\n']) {
    const client = await rig.connect();
    client.send(`GET /x HTTP/1.0\r\n${host}\r\n`);
    const upstream = await rig.origin.accept();
    const head = await upstream.takeHead();
    expect(head.split('\r\n')[1]).toBe(`Host: ${rig.origin.address}`);
    expect(head).not.toMatch(/x-forwarded-host/);
    upstream.destroy();
  }
});

test('what the route sets cannot be said by a client in another spelling of _ and -, nor in trailers', async () => {
  await using rig = await ProxyRig.start(
    simple({ requestHeaders: { set: { 'X-User-Role': 'guest', x_tenant: 't' }, remove: ['x-internal-flag'] } }),
  );
  const client = await rig.connect();
  client.send(
    'POST / HTTP/1.1\r\nHost: a\r\nX_User_Role: admin\r\nx-user_role: admin\r\nX-USER-ROLE: admin\r\nX-Tenant: u\r\n' +
      'X_Internal-Flag: 1\r\nX_Other: kept\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-User-Role: admin\r\n\r\n',
  );
  const upstream = await rig.origin.accept();
  const head = await upstream.takeHead();
  expect(head.match(/^x.(?:user|tenant|internal|other).*$/gim)).toEqual([
    ...['X_Other: kept', 'X-User-Role: guest', 'x_tenant: t'],
  ]);
  expect(await upstream.takeHead()).toBe('0\r\n\r\n');
});

test('a service that is the gateway itself ends with 431: Via grows with each turn', async () => {
  await using rig = await ProxyRig.start();
  const endpoints = [{ address: `127.0.0.1:${rig.port}` }];
  rig.apply(simple({}, { endpoints }));
  const client = await rig.connect();
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.takeMessage()).head).toMatch(/^HTTP\/1\.1 431 /);
});
