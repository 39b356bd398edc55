import { describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { hmacToken, nowSeconds } from '../testing/tokens.ts';

const SECRET = 'a shared secret of the issuer and the gateway';
const ISSUER = 'https://issuer.example/';
const AUTH = { anyOf: [{ jwt: { issuers: ['main'] } }] };

const issuer = (spec: object = {}, name = 'main') => ({
  kind: 'Issuer',
  name,
  spec: {
    issuer: ISSUER,
    audiences: ['api'],
    algorithms: ['HS256'],
    secret: { inline: SECRET },
    consumer: { claim: 'client_id' },
    ...spec,
  },
});
const consumer = (name = 'app') => ({ kind: 'Consumer', name, spec: {} });
const JWT = manifestsOf(service(), route({ auth: AUTH }), consumer(), issuer());

const valid = (more: object = {}) => ({
  ...{ iss: ISSUER, aud: 'api', client_id: 'app', exp: nowSeconds() + 60 },
  ...more,
});

function echo(rig: ProxyRig): void {
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
}

async function ask(rig: ProxyRig, lines: string): Promise<{ head: string; body: string }> {
  const client = await rig.connect();
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);
  return await client.takeMessage();
}

const bearer = (token: string) => `Authorization: Bearer ${token}\r\n`;

describe('a token', () => {
  test('identifies its consumer and is passed on, the first time and whenever it comes again', async () => {
    await using rig = await ProxyRig.start(JWT);
    echo(rig);
    const lines = bearer(hmacToken(SECRET, valid()));
    for (let i = 0; i < 4; i++) {
      const { body } = await ask(rig, `${lines}X-Consumer: root\r\n`);
      expect(body).toContain('x-consumer: app\r\n');
      expect(body).toContain(lines);
      expect(body).not.toContain('root');
    }
  });

  test('is not passed on where the method says so, and may be in another header, alone', async () => {
    const jwt = { issuers: ['main'], header: 'X-Token', forward: false };
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: { anyOf: [{ jwt }] } }), consumer(), issuer()),
    );
    echo(rig);
    const token = hmacToken(SECRET, valid());
    const { body } = await ask(rig, `X-Token: ${token}\r\n`);
    expect(body).toContain('x-consumer: app\r\n');
    expect(body).not.toContain(token);
    expect((await ask(rig, `X-Token: Bearer ${token}\r\n`)).head).toMatch(/^HTTP\/1.1 401/);
    expect((await ask(rig, bearer(token))).head).toMatch(/^HTTP\/1.1 401/);
  });

  test.each([
    ['none', '', undefined],
    ['another scheme', 'Authorization: Basic YTpi\r\n', undefined],
    ['an empty one', 'Authorization: Bearer\r\n', 'invalid_token'],
    ['no token at all', bearer('x'), 'invalid_token'],
    ['two of them', bearer(hmacToken(SECRET, valid())).repeat(2), 'invalid_token'],
    ['one of another secret', bearer(hmacToken('other', valid())), 'invalid_token'],
    ['one of another issuer', bearer(hmacToken(SECRET, valid({ iss: 'x' }))), 'invalid_token'],
    ['one for another audience', bearer(hmacToken(SECRET, valid({ aud: ['x', 'y'] }))), 'invalid_token'],
    ['one of an unknown consumer', bearer(hmacToken(SECRET, valid({ client_id: 'x' }))), 'invalid_token'],
    ['one that has expired', bearer(hmacToken(SECRET, valid({ exp: nowSeconds() - 40 }))), 'invalid_token'],
  ])('%s: 401 with a challenge', async (_, lines, error) => {
    await using rig = await ProxyRig.start(JWT);
    const answer = await ask(rig, lines);
    expect(problemOf(answer)).toEqual({ status: 401, code: 'unauthenticated', proxyStatus: 'http_request_denied' });
    const challenge = error === undefined ? '' : `, error="${error}"`;
    expect(answer.head).toContain(`www-authenticate: Bearer realm="sluice"${challenge}\r\n`);
  });

  test('may be missing but not wrong where authentication is optional', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: { ...AUTH, optional: true } }), consumer(), issuer()),
    );
    echo(rig);
    expect((await ask(rig, '')).body).not.toContain('x-consumer');
    expect((await ask(rig, bearer('x'))).head).toMatch(/^HTTP\/1.1 401/);
    expect((await ask(rig, bearer(hmacToken(SECRET, valid())))).body).toContain('x-consumer: app\r\n');
  });

  test('that is invalid does not hinder a valid key, and is told about where nothing is valid', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(service(), route({ auth: { anyOf: [...AUTH.anyOf, { apiKey: {} }] } }), consumer(), issuer()),
    );
    rig.addKey('secret', 'app');
    echo(rig);
    expect((await ask(rig, `${bearer('x')}X-API-Key: secret\r\n`)).body).toContain('x-consumer: app\r\n');
    const { head } = await ask(rig, `${bearer('x')}X-API-Key: wrong\r\n`);
    expect(head).toContain('www-authenticate: Bearer realm="sluice", error="invalid_token"\r\n');
    expect(head).toContain('www-authenticate: ApiKey realm="sluice", header="x-api-key"\r\n');
  });

  test('that is remembered is refused once it ends, its issuer changes, or its consumer is gone', async () => {
    await using rig = await ProxyRig.start(JWT);
    echo(rig);
    const token = bearer(hmacToken(SECRET, valid()));
    const short = bearer(hmacToken(SECRET, valid({ exp: nowSeconds() - 28 })));
    const status = async (lines: string) => (await ask(rig, lines)).head.slice(9, 12);
    for (let i = 0; i < 3; i++) expect(await status(token)).toBe('200');
    for (let i = 0; i < 2; i++) await status(short);
    await expect.poll(() => status(short)).toBe('401');
    rig.apply(manifestsOf(consumer('unrelated')));
    expect(await status(token)).toBe('200');
    rig.commit({ upserts: [], removals: [{ kind: 'Consumer', name: 'app' }] });
    expect(await status(token)).toBe('401');
    rig.apply(manifestsOf(consumer()));
    for (let i = 0; i < 3; i++) expect(await status(token)).toBe('200');
    rig.apply(manifestsOf(issuer({ secret: { inline: 'another secret of the issuer and the gateway' } })));
    expect(await status(token)).toBe('401');
    rig.apply(manifestsOf(issuer()));
    for (let i = 0; i < 3; i++) expect(await status(token)).toBe('200');
    rig.commit({ upserts: [], removals: [{ kind: 'Issuer', name: 'main' }] });
    expect(await status(token)).toBe('401');
  });

  test('that one route accepts is refused by another with other issuers, remembered or not', async () => {
    const other = { anyOf: [{ jwt: { issuers: ['other'] } }] };
    await using rig = await ProxyRig.start(
      manifestsOf(
        service(),
        route({ auth: AUTH }),
        route({ auth: other, match: [{ path: { prefix: '/other' } }] }, 'other'),
        ...[
          consumer(),
          issuer(),
          issuer({ secret: { inline: 'a shared secret of the other issuer and us' } }, 'other'),
        ],
      ),
    );
    echo(rig);
    const token = bearer(hmacToken(SECRET, valid()));
    for (let i = 0; i < 3; i++) {
      expect((await ask(rig, token)).head).toMatch(/^HTTP\/1.1 200/);
      const client = await rig.connect();
      client.send(`GET /other HTTP/1.1\r\nHost: a\r\n${token}\r\n`);
      expect((await client.takeMessage()).head).toMatch(/^HTTP\/1.1 401/);
    }
  });

  test('of an unknown consumer counts as anonymous where the issuer says so', async () => {
    await using rig = await ProxyRig.start(
      manifestsOf(
        ...[service(), route({ auth: AUTH }), consumer()],
        issuer({ consumer: { claim: 'client_id', unknown: 'anonymous' } }),
      ),
    );
    echo(rig);
    const { head, body } = await ask(rig, bearer(hmacToken(SECRET, valid({ client_id: 'x' }))));
    expect(head).toMatch(/^HTTP\/1.1 200/);
    expect(body).not.toContain('x-consumer');
  });
});

test('limits count a token by its consumer and by its claims', async () => {
  const limit = (by: string) => ({ name: 'few', by: [by], tokenBucket: { requests: 1, per: '1d', burst: 1 } });
  for (const [by, expected] of [
    ['consumer', ['200', '429', '429', '200']],
    ['claim:tenant', ['200', '429', '200', '200']],
  ] as const) {
    await using rig = await ProxyRig.start(
      manifestsOf(
        ...[service(), route({ auth: AUTH, rateLimits: [limit(by)] })],
        ...[consumer(), consumer('other'), issuer()],
      ),
    );
    echo(rig);
    const seen: string[] = [];
    for (const claims of [{ tenant: 'a' }, { tenant: 'a' }, { tenant: 'b' }, { tenant: 7, client_id: 'other' }]) {
      seen.push((await ask(rig, bearer(hmacToken(SECRET, valid(claims))))).head.slice(9, 12));
    }
    expect(seen).toEqual(expected);
  }
});
