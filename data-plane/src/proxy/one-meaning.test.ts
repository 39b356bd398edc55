/** What a request is admitted as is what its upstream gets: who asks, for which host, for which path. */
import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from './testing/manifests.ts';
import { ProxyRig } from './testing/proxy-rig.ts';

const guarded = { anyOf: [{ apiKey: {} }] };
const SECRET = 'slk_0123456789abcdef';

/** /admin asks for a key, and so does the host admin.example; all else is open. */
function rigWithGuard(): Promise<ProxyRig> {
  return ProxyRig.start(
    manifestsOf(
      service(),
      { kind: 'Consumer', name: 'c', spec: {} },
      route(),
      route({ match: [{ path: { prefix: '/admin' } }], auth: guarded }, 'admin'),
      route({ hosts: ['admin.example'], match: [{}], auth: guarded }, 'admin-host'),
    ),
  );
}

/** The status, and what the origin was asked for: undefined where nothing reached it. */
async function ask(rig: ProxyRig, head: string): Promise<{ status: number; arrived: string | undefined }> {
  let arrived: string | undefined;
  rig.origin.answer((request) => {
    arrived = request;
    return 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  });
  const client = await rig.connect();
  client.send(head);
  const status = Number((await client.takeHead()).slice(9, 12));
  return { status, arrived };
}

describe('a path that is guarded', () => {
  test.each([
    '/admin/x',
    '/%61dmin/x',
    '/%61%64%6D%69%6E',
    '/./admin/x',
    '/open/../admin/x',
    '/open/%2e%2e/admin/x',
    '/open/.%2E/./admin/x',
    '/../../admin',
    '/open/a/b/../../../admin/',
    'http://h/admin/x',
    'http://h/open/../admin/x',
    'HTTP://h:80/%61dmin',
  ])('is guarded however it is spelled: %s', async (target) => {
    await using rig = await rigWithGuard();
    const refused = await ask(rig, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(refused).toEqual({ status: 401, arrived: undefined });
  });

  test.each([
    '/open/..%2fadmin',
    '/open/..%5cadmin',
    '/open/..\\admin',
    '/open/..;/admin',
    '/open/..;x=y/admin',
    '/open/%2e%2e%3b/admin',
    '/open/..%c0%afadmin',
    '/open/%00/../admin',
    '/admin%',
    '/admin#x',
    'admin',
    'ftp://h/admin',
    'h:80',
    '//h/admin/../%2fadmin',
  ])('is not reached by what some would read as it: %s', async (target) => {
    await using rig = await rigWithGuard();
    const refused = await ask(rig, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect(refused).toEqual({ status: 400, arrived: undefined });
  });

  test.each([
    ['/open/../open/%7Ex', '/open/~x'],
    ['/open/%252e%252e/admin', '/open/%252e%252e/admin'],
    ['/ADMIN/x', '/ADMIN/x'],
    ['/admins', '/admins'],
    ['/open;/admin', '/open;/admin'],
    ['/a|b', '/a%7Cb'],
    ['http://h/open/./y?a=/../admin', '/open/y?a=/../admin'],
  ])('is another than %s, which goes on as %s', async (target, path) => {
    await using rig = await rigWithGuard();
    const { status, arrived } = await ask(rig, `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`);
    expect([status, arrived?.split(' ', 2)[1]]).toEqual([200, path]);
  });
});

describe('a host that is guarded', () => {
  test.each([
    ['/', 'admin.example'],
    ['/', 'ADMIN.Example:80'],
    ['/', 'admin.example.'],
    ['/', 'admin.example.:8080'],
    ['http://admin.example/', 'open.example'],
    ['http://ADMIN.example.:80/', 'open.example'],
  ])('is guarded however it is spelled: %s, Host: %s', async (target, host) => {
    await using rig = await rigWithGuard();
    const refused = await ask(rig, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(refused).toEqual({ status: 401, arrived: undefined });
  });

  test('is not what the upstream sees where the target names another: Host is written anew', async () => {
    await using rig = await rigWithGuard();
    const { status, arrived } = await ask(rig, 'GET http://open.example/ HTTP/1.1\r\nHost: admin.example\r\n\r\n');
    expect(status).toBe(200);
    expect(arrived?.match(/^.*\bhost: .*$/gim)).toEqual(['Host: open.example', 'x-forwarded-host: open.example']);
  });
});

describe('an identity', () => {
  const CLAIMED = ['X-Consumer', 'x_consumer', 'X-Consumer-Groups', 'X_CONSUMER_ID'].map((name) => `${name}: root\r\n`);

  test.each([
    ['', 'nothing'],
    ['Connection: X-Consumer, Authorization, X-Forwarded-For, close\r\n', 'the names of it'],
    ['Connection: x-api-key, host, x-request-id, traceparent, via, forwarded\r\n', 'the credential and what is added'],
  ])(
    'is the key’s alone, whatever the client says of itself, and where Connection lists %j (%s)',
    async (connection) => {
      await using rig = await rigWithGuard();
      rig.addKey(SECRET, 'c');
      const { status, arrived } = await ask(
        rig,
        `GET /admin HTTP/1.1\r\nHost: h\r\nX-Api-Key: ${SECRET}\r\n${CLAIMED.join('')}X-Forwarded-For: 9.9.9.9\r\n${connection}\r\n`,
      );
      expect(status).toBe(200);
      expect(arrived?.match(/^.*consumer.*$/gim)).toEqual(['x-consumer: c']);
      expect(arrived).not.toMatch(/root|9\.9\.9\.9|slk_|^connection:/im);
      for (const added of ['Host', 'x-request-id', 'traceparent', 'via', 'forwarded', 'x-forwarded-for']) {
        expect(arrived?.match(new RegExp(`^${added}: .`, 'gim')), added).toHaveLength(1);
      }
    },
  );
});

describe('what the gateway answers of a request’s own words', () => {
  test.each([
    ['/old/%0d%0aSet-Cookie:%20a=b', 'h', 308],
    ['/old?x=%0d%0aSet-Cookie:a', 'h', 308],
    ['/old\rSet-Cookie:a', 'h', 400],
    ['/old?\nSet-Cookie:a', 'h', 400],
    ['/old', 'h\rSet-Cookie:a', 400],
    ['/old?\x00', 'h', 400],
  ])('is no line of its own: %j for %j', async (target, host, expected) => {
    await using rig = await ProxyRig.start(manifestsOf(service(), route({ redirect: { scheme: 'https' } })));
    const client = await rig.connect();
    client.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://a\r\n\r\n`);
    const head = await client.takeHead();
    expect(Number(head.slice(9, 12))).toBe(expected);
    expect(head).not.toMatch(/^set-cookie/im);
    expect(head.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/);
  });
});
