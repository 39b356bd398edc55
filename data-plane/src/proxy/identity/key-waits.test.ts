import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { problemOf } from '../testing/problem-of.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';

const URL = 'https://issuer.example/keys';
const AUTH = { anyOf: [{ jwt: { issuers: ['main'] } }, { apiKey: {} }] };
const issuer = (url = URL) => ({
  kind: 'Issuer',
  name: 'main',
  spec: { issuer: 'main', algorithms: ['ES256'], jwks: { url } },
});
const MANIFESTS = manifestsOf(service(), route({ auth: AUTH }), issuer(), { kind: 'Consumer', name: 'c', spec: {} });

const pairs = new Map(['a', 'b'].map((kid) => [kid, generateKeyPairSync('ec', { namedCurve: 'P-256' })]));
const keySet = (...kids: string[]) => ({
  keys: kids.map((kid) => ({ ...pairs.get(kid)?.publicKey.export({ format: 'jwk' }), kid })),
});
function token(kid: string): string {
  const input = [{ alg: 'ES256', kid }, { iss: 'main' }]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const key = pairs.get(kid)?.privateKey as KeyObject;
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

async function start(...kids: string[]): Promise<ProxyRig> {
  const rig = await ProxyRig.start(MANIFESTS);
  rig.origin.answer((_, body) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  if (kids.length > 0) rig.putKeySet('main', URL, keySet(...kids));
  return rig;
}

const lines = (kid: string) => `Host: a\r\nAuthorization: Bearer ${token(kid)}\r\n`;
const get = (kid: string) => `GET /x HTTP/1.1\r\n${lines(kid)}\r\n`;
const asked = (rig: ProxyRig, count: number) => expect.poll(() => rig.keysWanted.length).toBe(count);

test('a token whose key is known waits for nobody; one whose key is not waits until the keys were looked for', async () => {
  await using rig = await start('a');
  const [known, fresh, other] = [await rig.connect(), await rig.connect(), await rig.connect()];
  fresh.send(get('b'));
  other.send(get('b'));
  await asked(rig, 1);
  known.send(get('a'));
  expect((await known.takeMessage()).head).toContain('200 OK');
  expect(fresh.received + other.received).toBe('');
  rig.putKeySet('main', URL, keySet('a', 'b'));
  rig.proxy.keysSettled('main', 0);
  for (const client of [fresh, other]) expect((await client.takeMessage()).head).toContain('200 OK');
  // The connection goes on, and nobody is asked for what is known.
  fresh.send(get('b'));
  expect((await fresh.takeMessage()).head).toContain('200 OK');
  expect(rig.keysWanted).toEqual(['main']);
});

test('a body that comes meanwhile is held against its schema afterwards', async () => {
  await using rig = await start('a');
  const validation = { requestSchema: { inline: '{"type":"array"}' } };
  rig.apply(manifestsOf(route({ auth: AUTH, validation })));
  const [fine, wrong] = [await rig.connect(), await rig.connect()];
  const head = `POST /x HTTP/1.1\r\n${lines('b')}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
  fine.send(`${head}2\r\n[1\r\n`);
  wrong.send(`${head}2\r\n{}\r\n0\r\n\r\n`);
  await asked(rig, 1);
  fine.send('1\r\n]\r\n0\r\n\r\n');
  rig.putKeySet('main', URL, keySet('a', 'b'));
  rig.proxy.keysSettled('main', 0);
  expect((await fine.takeMessage()).body).toBe('[1]');
  expect((await wrong.takeMessage()).head).toContain(' 422 ');
});

test('a body that comes meanwhile is passed on whole', async () => {
  await using rig = await start('a');
  const client = await rig.connect();
  const body = 'x'.repeat(300_000);
  client.send(`POST /x HTTP/1.1\r\n${lines('b')}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 100)}`);
  await asked(rig, 1);
  client.send(body.slice(100));
  rig.putKeySet('main', URL, keySet('b'));
  rig.proxy.keysSettled('main', 0);
  expect((await client.takeMessage()).body).toBe(body);
  client.send(`POST /x HTTP/1.1\r\n${lines('b')}Content-Length: 2\r\n\r\nok`);
  expect((await client.takeMessage()).body).toBe('ok');
});

test('a key that is still unknown is refused, and not asked for again before that is of use', async () => {
  await using rig = await start('a');
  const client = await rig.connect();
  client.send(get('b'));
  await asked(rig, 1);
  rig.proxy.keysSettled('main', 60_000);
  expect(problemOf(await client.takeMessage())).toMatchObject({ status: 401, code: 'unauthenticated' });
  client.send(get('b'));
  expect((await client.takeMessage()).head).toContain(' 401 ');
  expect(rig.keysWanted).toEqual(['main']);
});

test('without an answer a request waits no longer than a second', async () => {
  await using rig = await start('a');
  const client = await rig.connect();
  const since = performance.now();
  client.send(get('b'));
  expect((await client.takeMessage()).head).toContain(' 401 ');
  expect(performance.now() - since).toBeGreaterThan(900);
});

test('a client that goes while it waits leaves nothing behind', async () => {
  await using rig = await start('a');
  const client = await rig.connect();
  client.send(get('b'));
  await asked(rig, 1);
  client.destroy();
  const next = await rig.connect();
  next.send(get('a'));
  await next.takeMessage();
  rig.proxy.keysSettled('main', 0);
  next.send(get('a'));
  expect((await next.takeMessage()).head).toContain('200 OK');
});

test('keys that were never fetched let nobody pass and refuse nobody: 503 with its code, but for other credentials', async () => {
  await using rig = await start();
  rig.addKey('secret', 'c');
  const client = await rig.connect();
  client.send(get('a'));
  await asked(rig, 1);
  rig.proxy.keysSettled('main', 60_000);
  const answer = await client.takeMessage();
  expect(problemOf(answer)).toMatchObject({ status: 503, code: 'policy_unavailable' });
  expect(answer.head).toContain('retry-after: 1\r\n');
  client.send(`GET /x HTTP/1.1\r\n${lines('a')}X-API-Key: wrong\r\n\r\n`);
  expect((await client.takeMessage()).head).toContain(' 503 ');
  client.send(`GET /x HTTP/1.1\r\n${lines('a')}X-API-Key: secret\r\n\r\n`);
  expect((await client.takeMessage()).head).toContain('200 OK');
});

test('a token is remembered until its key is gone, and no longer', async () => {
  await using rig = await start('a', 'b');
  const client = await rig.connect();
  for (let i = 0; i < 3; i++) {
    client.send(get('a'));
    expect((await client.takeMessage()).head).toContain('200 OK');
  }
  rig.putKeySet('main', URL, keySet('b'));
  client.send(get('a'));
  await asked(rig, 1);
  rig.proxy.keysSettled('main', 60_000);
  expect((await client.takeMessage()).head).toContain(' 401 ');
});

test('keys of another address than the one configured say nothing', async () => {
  await using rig = await start('a');
  rig.proxy.keysSettled('main', 60_000);
  rig.apply(manifestsOf(issuer('https://issuer.example/other')));
  const client = await rig.connect();
  client.send(get('a'));
  expect((await client.takeMessage()).head).toContain(' 503 ');
  rig.apply(manifestsOf(issuer()));
  client.send(get('a'));
  expect((await client.takeMessage()).head).toContain('200 OK');
});
