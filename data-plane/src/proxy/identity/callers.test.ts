import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service, simple } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const consumer = (spec: object = {}) => ({ kind: 'Consumer', name: 'app', spec: { owner: 'team', ...spec } });
const AUTH = { anyOf: [{ apiKey: { header: 'x-api-key' } }, { apiKey: { query: 'api_key' } }] };
const KEYED = manifestsOf(service(), route({ auth: AUTH }), consumer());

function echo(rig: ProxyRig): void {
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
}

describe('an API key', () => {
  test('in a header or in the query identifies its consumer and is not passed on', async () => {
    await using rig = await ProxyRig.start(KEYED);
    rig.addKey('secret', 'app');
    echo(rig);
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: secret\r\nX-Consumer: root\r\n\r\n');
    const byHeader = (await client.takeMessage()).body;
    expect(byHeader).toContain('x-consumer: app\r\n');
    expect(byHeader).not.toMatch(/secret|root/);
    client.send('GET /x?a=1&api_key=secret&b HTTP/1.1\r\nHost: a\r\n\r\n');
    const byQuery = (await client.takeMessage()).body;
    expect(byQuery).toMatch(/^GET \/x\?a=1&b HTTP/);
    expect(byQuery).toContain('x-consumer: app\r\n');
    client.send('GET /x?api%5Fkey=secret HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).body).toMatch(/^GET \/x HTTP/);
  });

  test('is passed on where the method says so', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ auth: { anyOf: [{ apiKey: { header: 'authorization', forward: true } }] } }),
        consumer(),
      ),
    );
    rig.addKey('secret', 'app');
    echo(rig);
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\n\r\n');
    expect((await client.takeMessage()).body).toContain('Authorization: secret\r\n');
  });

  test.each([
    ['none', ''],
    ['an unknown one', 'X-API-Key: wrong\r\n'],
    ['an empty one', 'X-API-Key:\r\n'],
    ['two of them', 'X-API-Key: secret\r\nX-API-Key: secret\r\n'],
    ['an expired one', 'X-API-Key: old\r\n'],
    ['a disabled one', 'X-API-Key: disabled\r\n'],
    ['one of 10,000 characters', `X-API-Key: ${'a'.repeat(10_000)}\r\n`],
  ])('%s: 401 with a challenge', async (_, line) => {
    await using rig = await ProxyRig.start(KEYED);
    rig.addKey('secret', 'app');
    rig.addKey('old', 'app', { expiresAt: { seconds: 1n } });
    rig.addKey('disabled', 'app', { enabled: false });
    const client = await rig.connect();
    client.send(`GET /x HTTP/1.1\r\nHost: a\r\n${line}\r\n`);
    const answer = await client.takeMessage();
    expect(problemOf(answer)).toEqual({ status: 401, code: 'unauthenticated', proxyStatus: 'http_request_denied' });
    expect(answer.head).toContain('www-authenticate: ApiKey realm="sluice", header="x-api-key"\r\n');
  });

  test('that is invalid does not hinder a valid one of a later method', async () => {
    await using rig = await ProxyRig.start(KEYED);
    rig.addKey('secret', 'app');
    echo(rig);
    const client = await rig.connect();
    client.send('GET /x?api_key=secret HTTP/1.1\r\nHost: a\r\nX-API-Key: wrong\r\n\r\n');
    expect((await client.takeMessage()).body).toContain('x-consumer: app\r\n');
  });

  test('may be missing but not wrong where authentication is optional', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: { ...AUTH, optional: true } }), consumer()),
    );
    echo(rig);
    const client = await rig.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.takeMessage()).body).not.toContain('x-consumer');
    client.send('GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: wrong\r\n\r\n');
    expect(problemOf(await client.takeMessage()).status).toBe(401);
  });

  test('that is revoked is refused at once, also on connections that used it', async () => {
    await using rig = await ProxyRig.start(KEYED);
    rig.addKey('secret', 'app');
    echo(rig);
    const client = await rig.connect();
    const request = 'GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: secret\r\n\r\n';
    client.send(request);
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 200/);
    rig.commit({ upserts: [], removals: [{ kind: 'ApiKey', name: 'key-secret' }] });
    client.send(request);
    expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 401/);
  });
});

describe('a limit', () => {
  const limit = (name: string, burst: number, more: object = {}) => ({
    ...{ name, by: ['consumer'], tokenBucket: { requests: 1, per: '1d', burst } },
    ...more,
  });

  async function statuses(rig: ProxyRig, count: number, lines = ''): Promise<string[]> {
    const client = await rig.connect();
    const seen: string[] = [];
    for (let i = 0; i < count; i++) {
      client.send(`GET /x HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
      seen.push((await client.takeMessage()).head.slice(9, 12));
    }
    return seen;
  }

  test('admits its burst, shows what is left, and then says when to come back', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: AUTH, rateLimits: [limit('few', 2)] }), consumer()),
    );
    rig.addKey('secret', 'app');
    echo(rig);
    const client = await rig.connect();
    const request = 'GET /x HTTP/1.1\r\nHost: a\r\nX-API-Key: secret\r\n\r\n';
    const heads: string[] = [];
    for (let i = 0; i < 3; i++) {
      client.send(request);
      const { head, body } = await client.takeMessage();
      heads.push(head);
      if (i === 2) expect(problemOf({ head, body })).toMatchObject({ status: 429, code: 'rate_limited' });
    }
    const seen = heads.map((head) =>
      /ratelimit: ("few";r=\d+);t=(\d+)\r\nratelimit-policy: (.*)\r\n/.exec(head)?.slice(1),
    );
    expect(seen).toEqual([
      ['"few";r=1', '86400', '"few";q=1;w=86400'],
      ['"few";r=0', '172800', '"few";q=1;w=86400'],
      ['"few";r=0', expect.any(String), '"few";q=1;w=86400'],
    ]);
    expect(heads[2]).toMatch(/\r\nretry-after: (86400|86399)\r\n/);
  });

  test('counts each consumer, and without one each address', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: { ...AUTH, optional: true }, rateLimits: [limit('few', 1)] }), consumer(), {
        kind: 'Consumer',
        name: 'other',
        spec: { owner: 'team' },
      }),
    );
    rig.addKey('one', 'app');
    rig.addKey('two', 'app');
    rig.addKey('three', 'other');
    echo(rig);
    expect(await statuses(rig, 2)).toEqual(['200', '429']);
    expect(await statuses(rig, 1, 'X-API-Key: one\r\n')).toEqual(['200']);
    expect(await statuses(rig, 1, 'X-API-Key: two\r\n')).toEqual(['429']);
    expect(await statuses(rig, 1, 'X-API-Key: three\r\n')).toEqual(['200']);
  });

  test.each([
    ['header:x-tenant', ['X-Tenant: a\r\n', 'X-Tenant: a\r\n', 'X-Tenant: b\r\n', ''], ['200', '429', '200', '200']],
    ['route', ['', ''], ['200', '429']],
    ['service', ['', ''], ['200', '429']],
    ['global', ['', ''], ['200', '429']],
    ['clientIp', ['', ''], ['200', '429']],
    ['apiKey', ['X-API-Key: one\r\n', 'X-API-Key: two\r\n', 'X-API-Key: two\r\n'], ['200', '200', '429']],
  ])('by %s', async (by, lines, expected) => {
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ auth: { ...AUTH, optional: true }, rateLimits: [limit('few', 1, { by: [by] })] }),
        consumer(),
      ),
    );
    rig.addKey('one', 'app');
    rig.addKey('two', 'app');
    echo(rig);
    const seen: string[] = [];
    for (const line of lines) seen.push(...(await statuses(rig, 1, line)));
    expect(seen).toEqual(expected);
  });

  test('by client address is behind a trusted proxy the address that proxy names', async () => {
    await using rig = await ProxyRig.start(simple({ rateLimits: [limit('few', 1, { by: ['clientIp'] })] }));
    rig.apply(
      JSON.stringify({
        ...{ kind: 'Listener', name: 'http' },
        spec: { address: '127.0.0.1:8080', trustedProxies: ['127.0.0.1', '10.0.0.0/8'] },
      }),
    );
    echo(rig);
    const from = async (addresses: string) => (await statuses(rig, 1, `X-Forwarded-For: ${addresses}\r\n`))[0];
    expect(await from('9.9.9.9, 1.1.1.1, 10.0.0.1')).toBe('200');
    expect(await from('8.8.8.8, 1.1.1.1')).toBe('429');
    expect(await from('2001:db8::1')).toBe('200');
    expect(await from('2001:db8:0:0:ffff::2')).toBe('429');
    expect(await from('2001:db8:0:1::1')).toBe('200');
  });

  test('is replaced by the key’s own over the consumer’s own', async () => {
    const few = (requests: number) => ({ name: 'few', tokenBucket: { requests: 1, per: '1d', burst: requests } });
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ auth: AUTH, rateLimits: [limit('few', 1, { by: ['apiKey'] })] }),
        consumer({ rateLimits: [few(2)] }),
      ),
    );
    rig.addKey('plain', 'app');
    rig.addKey('own', 'app', {
      rateLimits: [
        {
          name: 'few',
          algorithm: { case: 'tokenBucket', value: { requests: 1, per: { seconds: 86_400n }, burst: 3 } },
        },
      ],
    });
    echo(rig);
    expect(await statuses(rig, 3, 'X-API-Key: plain\r\n')).toEqual(['200', '200', '429']);
    expect(await statuses(rig, 4, 'X-API-Key: own\r\n')).toEqual(['200', '200', '200', '429']);
  });

  test('that refuses gives back what earlier ones charged', async () => {
    await using rig = await ProxyRig.start(
      simple({ rateLimits: [limit('wide', 3, { by: ['global'] }), limit('narrow', 1, { by: ['header:x-t'] })] }),
    );
    echo(rig);
    expect(await statuses(rig, 3, 'X-T: a\r\n')).toEqual(['200', '429', '429']);
    expect(await statuses(rig, 1, 'X-T: b\r\n')).toEqual(['200']);
    expect(await statuses(rig, 1, 'X-T: c\r\n')).toEqual(['200']);
    expect(await statuses(rig, 1, 'X-T: d\r\n')).toEqual(['429']);
  });

  test('that refuses is the only one that its answer tells of: what the earlier ones took is theirs again', async () => {
    await using rig = await ProxyRig.start(
      simple({ rateLimits: [limit('wide', 3, { by: ['global'] }), limit('narrow', 1, { by: ['header:x-t'] })] }),
    );
    echo(rig);
    const client = await rig.connect();
    const lines: (string | undefined)[] = [];
    for (let i = 0; i < 2; i++) {
      client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
      const { head } = await client.takeMessage();
      lines.push(
        /ratelimit: (.*)\r\n/.exec(head)?.[1]?.replaceAll(/t=\d+/g, 't'),
        /ratelimit-policy: (.*)\r\n/.exec(head)?.[1],
      );
    }
    expect(lines).toEqual([
      '"wide";r=2;t, "narrow";r=0;t',
      '"wide";q=1;w=86400, "narrow";q=1;w=86400',
      '"narrow";r=0;t',
      '"narrow";q=1;w=86400',
    ]);
  });

  test('by address alone comes before authentication and limits the guessing of keys', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: AUTH, rateLimits: [limit('guess', 2, { by: ['clientIp'] })] }), consumer()),
    );
    expect(await statuses(rig, 3, 'X-API-Key: wrong\r\n')).toEqual(['401', '401', '429']);
  });

  test('counts only the requests it is for', async () => {
    await using rig = await ProxyRig.start(
      simple({ rateLimits: [limit('posts', 1, { by: ['global'], match: { methods: ['POST'] } })] }),
    );
    echo(rig);
    expect(await statuses(rig, 3)).toEqual(['200', '200', '200']);
  });
});
