import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service, simple } from './testing/manifests.ts';
import { problemOf } from './testing/problem-of.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const CORS = {
  origins: ['https://app.example.com', 'https://*.example.org'],
  methods: ['PUT'],
  headers: ['x-a'],
  exposeHeaders: ['x-b'],
  credentials: true,
  maxAge: '5m',
};
const preflight = (origin: string, method: string, headers = '') =>
  `OPTIONS /x HTTP/1.1\r\nHost: a\r\nOrigin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\n${headers}\r\n`;
const ANSWER =
  'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVary: accept\r\nAccess-Control-Allow-Origin: https://other.example\r\n\r\n';

/** The lines of a head that are about other origins. */
function corsOf(head: string): string[] {
  return head.split('\r\n').filter((line) => /^(access-control-|vary)/i.test(line));
}

describe('a preflight', () => {
  test('is answered here, without a credential, and never reaches the service', async () => {
    await using rig = await ProxyRig.start(
      simple({ match: [{ path: { prefix: '/' }, methods: ['PUT'] }], cors: CORS, auth: { anyOf: [{ apiKey: {} }] } }),
    );
    const client = await rig.connect();
    for (const origin of ['https://app.example.com', 'https://a.b.example.org']) {
      client.send(preflight(origin, 'PUT', 'Access-Control-Request-Headers: x-a\r\n'));
      const head = await client.takeHead();
      expect(head).toMatch(/^HTTP\/1\.1 204 /);
      expect(corsOf(head)).toEqual([
        'access-control-allow-methods: PUT',
        'access-control-allow-headers: x-a',
        'access-control-max-age: 300',
        'vary: access-control-request-method, access-control-request-headers',
        'vary: origin',
        `access-control-allow-origin: ${origin}`,
        'access-control-allow-credentials: true',
        'access-control-expose-headers: x-b',
      ]);
    }
    expect(rig.origin.connections).toHaveLength(0);
  });

  test.each([
    ['https://evil.example', 'PUT', ''],
    ['https://app.example.com', 'DELETE', ''],
    ['https://app.example.com', 'PUT', 'Access-Control-Request-Headers: x-other\r\n'],
  ])('from %s for %s %j is refused and allows nothing', async (origin, method, headers) => {
    await using rig = await ProxyRig.start(simple({ cors: CORS }));
    const client = await rig.connect();
    client.send(preflight(origin, method, headers));
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toMatchObject({ status: 403, code: 'forbidden' });
    expect(corsOf(answer.head)).toEqual(['vary: origin']);
  });

  test('goes to the service where the route says nothing about other origins', async () => {
    await using rig = await ProxyRig.start(simple());
    rig.origin.answer(() => ANSWER);
    const client = await rig.connect();
    client.send(preflight('https://app.example.com', 'PUT'));
    expect(corsOf(await client.takeHead())).toEqual([
      'Vary: accept',
      'Access-Control-Allow-Origin: https://other.example',
    ]);
  });
});

describe('an answer', () => {
  test.each([
    [
      'https://app.example.com',
      [
        'vary: origin',
        'access-control-allow-origin: https://app.example.com',
        'access-control-allow-credentials: true',
        'access-control-expose-headers: x-b',
      ],
    ],
    ['https://evil.example', ['vary: origin']],
    ['', ['vary: origin']],
  ])('to a script of %j says who may read it, in place of what the service says', async (origin, lines) => {
    await using rig = await ProxyRig.start(simple({ cors: CORS }));
    rig.origin.answer(() => ANSWER);
    const client = await rig.connect();
    client.send(`GET / HTTP/1.1\r\nHost: a\r\n${origin === '' ? '' : `Origin: ${origin}\r\n`}\r\n`);
    expect(corsOf(await client.takeHead())).toEqual(['Vary: accept', ...lines]);
  });

  test('of the gateway itself can be read too', async () => {
    await using rig = await ProxyRig.start(simple({ cors: CORS, auth: { anyOf: [{ apiKey: {} }] } }));
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\n\r\n');
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toMatchObject({ status: 401 });
    expect(answer.head).toContain('\r\naccess-control-allow-origin: https://app.example.com\r\n');
  });

  test('to any origin is the same for all of them', async () => {
    await using rig = await ProxyRig.start(simple({ cors: { origins: ['*'] } }));
    rig.origin.answer(() => ANSWER);
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\nOrigin: null\r\n\r\n');
    expect(corsOf(await client.takeHead())).toEqual(['Vary: accept', 'access-control-allow-origin: *']);
  });

  test('says nothing of the request before on the same connection', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ cors: CORS }), route({ match: [{ path: { prefix: '/none' } }] }, 'none')),
    );
    rig.origin.answer(() => 'HTTP/1.1 204 No Content\r\n\r\n');
    const client = await rig.connect();
    client.send('GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\n\r\n');
    expect(corsOf(await client.takeHead())).toHaveLength(4);
    client.send('GET /none HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\n\r\n');
    expect(corsOf(await client.takeHead())).toEqual([]);
  });
});
