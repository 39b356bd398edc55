import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { hmacToken } from '../testing/tokens.ts';

const SECRET = 'a shared secret of the issuer and the gateway';
const AUTH = { anyOf: [{ apiKey: {} }, { apiKey: { cookie: 'key' } }, { jwt: { issuers: ['main'] } }] };
const issuer = {
  kind: 'Issuer',
  name: 'main',
  spec: {
    ...{ issuer: 'main', algorithms: ['HS256'], secret: { inline: SECRET }, consumer: { claim: 'app' } },
    ...{ scopes: { claim: 'scp' }, groups: { claim: 'roles' } },
  },
};
const consumer = { kind: 'Consumer', name: 'app', spec: { scopes: ['read', 'write'], groups: ['staff'] } };
const asks = (authorization: object, more: object = {}) =>
  manifestsOf(service(), route({ auth: AUTH, authorization, ...more }), consumer, issuer);

async function start(manifests: string): Promise<ProxyRig> {
  const rig = await ProxyRig.start(manifests);
  rig.addKey('secret', 'app');
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
  return rig;
}

async function ask(rig: ProxyRig, lines: string): Promise<{ head: string; body: string; status: string }> {
  const client = await rig.connect();
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  const answer = await client.takeMessage();
  return { ...answer, status: answer.head.slice(9, 12) };
}

const KEY = 'X-API-Key: secret\r\n';
const token = (claims: object = {}) =>
  `Authorization: Bearer ${hmacToken(SECRET, { iss: 'main', app: 'app', ...claims })}\r\n`;

describe('authorization', () => {
  test.each([
    // Of a key its consumer's scopes, of a token its own alone.
    [{ scopes: { allOf: ['read', 'write'] } }, KEY, '200'],
    [{ scopes: { allOf: ['read', 'admin'] } }, KEY, '403'],
    [{ scopes: { anyOf: ['admin', 'write'] } }, KEY, '200'],
    [{ scopes: { allOf: ['read'] } }, token(), '403'],
    [{ scopes: { allOf: ['read', 'write'] } }, token({ scp: 'write  read' }), '200'],
    [{ scopes: { allOf: ['read'], anyOf: ['x', 'y'] } }, token({ scp: ['read', 'y'] }), '200'],
    [{ scopes: { allOf: ['read'], anyOf: ['x', 'y'] } }, token({ scp: ['read'] }), '403'],
    [{ scopes: { allOf: ['read'] } }, token({ scp: { read: true } }), '403'],
    // Of the consumer, and of the token.
    [{ groups: { anyOf: ['staff'] } }, KEY, '200'],
    [{ groups: { anyOf: ['staff'] } }, token(), '200'],
    [{ groups: { allOf: ['staff', 'Domain Users'] } }, token({ roles: 'Domain Users' }), '200'],
    [{ groups: { allOf: ['staff', 'x'] } }, token({ roles: ['y'] }), '403'],
    [{ claims: { tenant: ['a', '7'] } }, token({ tenant: 'a' }), '200'],
    [{ claims: { tenant: ['a', '7'] } }, token({ tenant: 7 }), '200'],
    [{ claims: { tenant: ['a', '7'] } }, token({ tenant: ['b', 'a'] }), '200'],
    [{ claims: { tenant: ['a', '7'] } }, token({ tenant: 'b' }), '403'],
    [{ claims: { tenant: ['a'], region: ['eu'] } }, token({ tenant: 'a' }), '403'],
    [{ claims: { toString: ['x'] } }, token(), '403'],
    [{ claims: { tenant: ['a'] } }, KEY, '403'],
  ])('%j with %s: %s', async (authorization, lines, status) => {
    await using rig = await start(asks(authorization));
    // The second and third time the caller is remembered.
    for (let i = 0; i < 3; i++) expect((await ask(rig, lines)).status).toBe(status);
  });

  test('says which scopes a token lacks, and asks who presents nothing for a credential', async () => {
    await using rig = await start(
      asks({ scopes: { allOf: ['read'], anyOf: ['a"b', 'x'] } }, { auth: { ...AUTH, optional: true } }),
    );
    const lacking = await ask(rig, token());
    expect(problemOf(lacking)).toMatchObject({ status: 403, code: 'forbidden' });
    expect(lacking.head).toContain(
      'www-authenticate: Bearer realm="sluice", error="insufficient_scope", scope="read x"',
    );
    expect((await ask(rig, KEY)).head).not.toContain('www-authenticate');
    const missing = await ask(rig, '');
    expect(problemOf(missing)).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(missing.head).toContain('www-authenticate: Bearer realm="sluice"\r\n');
  });

  test('comes before limits by caller: what is refused costs nothing', async () => {
    const limit = { name: 'few', by: ['consumer'], tokenBucket: { requests: 1, per: '1d', burst: 1 } };
    await using rig = await start(asks({ scopes: { allOf: ['read'] } }, { rateLimits: [limit] }));
    const seen = [token(), token(), token({ scp: 'read' }), token({ scp: 'read' })];
    const statuses: string[] = [];
    for (const lines of seen) statuses.push((await ask(rig, lines)).status);
    expect(statuses).toEqual(['403', '403', '200', '429']);
  });
});

describe('client addresses', () => {
  const proxies = JSON.stringify({
    ...{ kind: 'Listener', name: 'http' },
    spec: { address: '127.0.0.1:8080', trustedProxies: ['127.0.0.1'] },
  });

  test.each([
    [{ allow: ['127.0.0.0/8'] }, '200'],
    [{ allow: ['127.0.0.0/8'], deny: ['127.0.0.1'] }, '403'],
    [{ deny: ['10.0.0.0/8'] }, '200'],
    [{ allow: ['10.0.0.0/8'] }, '403'],
  ])('%j: %s', async (ip, status) => {
    await using rig = await start(asks({ ip }));
    const client = await rig.connect();
    for (let i = 0; i < 2; i++) {
      client.send(`GET /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n${KEY}\r\n`);
      expect((await client.takeMessage()).head.slice(9, 12)).toBe(status);
    }
  });

  test('are behind trusted proxies those that the proxies name, of both versions', async () => {
    await using rig = await start(asks({ ip: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.6.6.6/32'] } }));
    rig.apply(proxies);
    const from = async (address: string) => (await ask(rig, `${KEY}X-Forwarded-For: ${address}\r\n`)).status;
    expect(await from('10.1.2.3')).toBe('200');
    expect(await from('::ffff:10.1.2.3')).toBe('200');
    expect(await from('2001:db8::7')).toBe('200');
    expect(await from('10.6.6.6')).toBe('403');
    expect(await from('::ffff:10.6.6.6')).toBe('403');
    expect(await from('2001:db9::7')).toBe('403');
    expect(await from('8.8.8.8')).toBe('403');
    expect(await from('unknown')).toBe('403');
  });

  test('that may not call use up no limit and are asked for no credential', async () => {
    const limit = { name: 'few', by: ['clientIp'], tokenBucket: { requests: 1, per: '1d', burst: 1 } };
    await using rig = await start(asks({ ip: { deny: ['0.0.0.0/0'] } }, { rateLimits: [limit] }));
    for (let i = 0; i < 3; i++) expect(problemOf(await ask(rig, ''))).toMatchObject({ status: 403, code: 'forbidden' });
  });
});

describe('an API key in a cookie', () => {
  test('identifies its consumer and is taken out of what is passed on', async () => {
    await using rig = await start(asks({ scopes: { allOf: ['read'] } }));
    const { body, status } = await ask(rig, 'Cookie: a=1; key=secret; key2=x\r\nCookie: b="2"\r\n');
    expect(status).toBe('200');
    expect(body).toContain('cookie: a=1; key2=x; b="2"\r\n');
    expect(body).not.toContain('secret');
    expect((await ask(rig, 'Cookie: key="secret"\r\n')).body).not.toMatch(/cookie|secret/i);
    expect((await ask(rig, `Cookie: a=1; b=2\r\n${KEY}`)).body).toContain('cookie: a=1; b=2\r\n');
  });

  test('is refused where it is wrong or there are two, and not looked for under longer names', async () => {
    await using rig = await start(asks({}));
    expect((await ask(rig, 'Cookie: key=wrong\r\n')).status).toBe('401');
    expect((await ask(rig, 'Cookie: key=secret; key=secret\r\n')).status).toBe('401');
    expect((await ask(rig, 'Cookie: keys=secret; akey=secret\r\n')).head).toContain(
      'ApiKey realm="sluice", cookie="key"',
    );
  });

  test('is passed on where the method says so', async () => {
    const auth = { anyOf: [{ apiKey: { cookie: 'key', forward: true } }] };
    await using rig = await start(asks({}, { auth }));
    expect((await ask(rig, 'Cookie: a=1; key=secret\r\n')).body).toContain('Cookie: a=1; key=secret\r\n');
  });
});
