import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manifestsOf, route, service } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import { hmacToken } from '../testing/tokens.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const jwkOf = (key: KeyObject, kid: string) => ({ ...key.export({ format: 'jwk' }), kid, use: 'sig' });
const pem = rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString();
const der = rsa.publicKey.export({ format: 'der', type: 'spki' });

const CLAIMS = { iss: 'main', sub: 'me' };
const encode = (part: unknown) => {
  if (Buffer.isBuffer(part)) return part.toString('base64url');
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
};

/** Signed with an RSA key, whatever header and claims say. */
function rsaToken(
  claims: unknown = CLAIMS,
  header: object | string = { alg: 'RS256', kid: 'r' },
  key = rsa.privateKey,
) {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`;
}

/** Counts who connects: nothing that a token names is ever fetched. */
let visits = 0;
const bait = createServer((socket) => {
  visits++;
  socket.destroy();
});
let baitUrl = '';
let rig: ProxyRig;

beforeAll(async () => {
  await new Promise<void>((resolve) => bait.listen(0, '127.0.0.1', resolve));
  baitUrl = `http://127.0.0.1:${(bait.address() as { port: number }).port}/keys`;
  const keys = { inline: JSON.stringify({ keys: [jwkOf(rsa.publicKey, 'r'), jwkOf(ec.publicKey, 'e')] }) };
  const issuer = { kind: 'Issuer', name: 'main', spec: { issuer: 'main', algorithms: ['RS256', 'ES256'], keys } };
  rig = await ProxyRig.start(
    manifestsOf(service(), route({ auth: { anyOf: [{ jwt: { issuers: ['main'] } }] } }), issuer),
  );
  rig.origin.answer((head) => `HTTP/1.1 200 OK\r\nContent-Length: ${head.length}\r\n\r\n${head}`);
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  bait.close();
});

async function ask(token: string): Promise<string> {
  const client = await rig.connect();
  client.send(`GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  const { head, body } = await client.takeMessage();
  return head + body;
}

const [header = '', claims = '', signature = ''] = rsaToken().split('.');
const changed = (part: string) => (part.startsWith('A') ? `B${part.slice(1)}` : `A${part.slice(1)}`);
const hs = (key: string | Buffer, alg = 'HS256') => {
  const input = `${encode({ alg, kid: 'r' })}.${encode(CLAIMS)}`;
  return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
};

const attacks: readonly (readonly [string, () => string])[] = [
  ['alg none, without a signature', () => `${encode({ alg: 'none' })}.${claims}.`],
  ['alg none, with a signature', () => `${encode({ alg: 'none', kid: 'r' })}.${claims}.${signature}`],
  ['alg nOnE', () => `${encode({ alg: 'nOnE' })}.${claims}.`],
  ['no alg', () => rsaToken(CLAIMS, { kid: 'r' })],
  ['alg that is no text', () => rsaToken(CLAIMS, { alg: ['RS256'], kid: 'r' })],
  ['HS256 with the public key in PEM', () => hs(pem)],
  ['HS256 with the public key in PEM, trimmed', () => hs(pem.trim())],
  ['HS256 with the public key in DER', () => hs(der)],
  ['HS256 with nothing', () => hs('')],
  ['HS256 named RS256', () => hmacToken(pem, CLAIMS, { alg: 'RS256', kid: 'r' })],
  ['another algorithm of the same key', () => rsaToken(CLAIMS, { alg: 'RS512', kid: 'r' })],
  ['the key of another algorithm', () => rsaToken(CLAIMS, { alg: 'ES256', kid: 'r' })],
  ['the id of another key', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 'e' })],
  ['a path for a key id', () => rsaToken(CLAIMS, { alg: 'RS256', kid: '../../../../dev/null' })],
  ['SQL and line ends for a key id', () => rsaToken(CLAIMS, { alg: 'RS256', kid: "x' or 1=1\r\nevil: injected\n" })],
  ['a key id that objects inherit', () => rsaToken(CLAIMS, { alg: 'RS256', kid: '__proto__' })],
  ['an alg that objects inherit', () => rsaToken(CLAIMS, { alg: 'constructor', kid: 'r' })],
  [
    'its own key',
    () => rsaToken(CLAIMS, { alg: 'RS256', jwk: jwkOf(stranger.publicKey, 'r'), kid: 'r' }, stranger.privateKey),
  ],
  ['an address of keys (jku)', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 's', jku: baitUrl }, stranger.privateKey)],
  [
    'an address of a certificate (x5u)',
    () => rsaToken(CLAIMS, { alg: 'RS256', kid: 's', x5u: baitUrl }, stranger.privateKey),
  ],
  ['a certificate (x5c)', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 's', x5c: ['MII'] }, stranger.privateKey)],
  ['an unknown extension', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 'r', crit: ['exp'], exp: 1 })],
  ['an empty list of extensions', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 'r', crit: [] })],
  ['an unencoded payload (b64)', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 'r', b64: false, crit: ['b64'] })],
  ['a type of another use', () => rsaToken(CLAIMS, { alg: 'RS256', kid: 'r', typ: 'logout+jwt' })],
  ['a claim twice', () => rsaToken('{"iss":"x","iss":"main"}')],
  ['a claim twice, once escaped', () => rsaToken('{"\\u0069ss":"x","iss":"main"}')],
  ['a claim twice further down', () => rsaToken('{"iss":"main","a":{"b":1,"b":2}}')],
  ['a header member twice', () => rsaToken(CLAIMS, '{"alg":"none","alg":"RS256","kid":"r"}')],
  ['claims that are a list', () => rsaToken('["main"]')],
  ['claims that are no JSON', () => rsaToken('{"iss":"main"')],
  ['claims with bytes that are no UTF-8', () => rsaToken(Buffer.from('{"iss":"main","a":"\xff"}', 'latin1'))],
  ['nesting 5,000 deep', () => rsaToken(`{"iss":"main","a":${'['.repeat(5000)}${']'.repeat(5000)}}`)],
  ['nesting 17 deep', () => rsaToken(`{"iss":"main","a":${'['.repeat(16)}${']'.repeat(16)}}`)],
  ['a number beyond all', () => rsaToken('{"iss":"main","exp":1e999}')],
  ['a changed header', () => `${changed(header)}.${claims}.${signature}`],
  ['changed claims', () => `${header}.${changed(claims)}.${signature}`],
  ['a changed signature', () => `${header}.${claims}.${changed(signature)}`],
  ['padding', () => `${header}.${claims}.${signature}==`],
  ['an alphabet that is not for addresses', () => `${header}.${claims}.${signature.replace(/[-_]/g, '+')}+`],
  [
    'the last bits of the signature changed',
    () => `${header}.${claims}.${signature.slice(0, -1)}${next(signature.at(-1)!)}`,
  ],
  ['an empty signature', () => `${header}.${claims}.`],
  ['two parts', () => `${header}.${claims}`],
  ['four parts', () => `${header}.${claims}.${signature}.`],
  ['five parts, as if encrypted', () => `${header}.${claims}.${signature}.AA.AA`],
  ['dots alone', () => '..'],
  ['30,000 characters', () => `${header}.${'A'.repeat(30_000)}.${signature}`],
  ['16,385 characters, signed', () => longToken(16_385)],
  ['6,000 claims, twice one', () => rsaToken(`{"iss":"main"${',"a":1'.repeat(1500)}}`)],
];

/** The next letter of the alphabet: the unused bits of the last one change. */
function next(letter: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet[(alphabet.indexOf(letter) + 1) % 64]!;
}

/** A right token of at least so many characters, at most two more. */
function longToken(length: number): string {
  for (let fill = 0; ; fill++) {
    const size = Math.max(0, Math.floor(((length - 440) * 3) / 4)) + fill;
    const token = rsaToken({ ...CLAIMS, fill: 'x'.repeat(size) });
    if (token.length >= length) return token;
  }
}

describe('a hostile token', () => {
  test('is told from a right one', async () => {
    expect(await ask(rsaToken())).toMatch(/^HTTP\/1.1 200/);
    expect(await ask(rsaToken({ ...CLAIMS, nested: [[{ a: [{ b: 1 }] }], { b: 2 }] }))).toMatch(/^HTTP\/1.1 200/);
    expect(await ask(longToken(16_381))).toMatch(/^HTTP\/1.1 200/);
  });

  test.each(attacks)('with %s is refused', async (_, make) => {
    const token = make();
    const answer = await ask(token);
    expect(answer).toMatch(/^HTTP\/1.1 401/);
    expect(answer).toContain('error="invalid_token"');
    expect(answer).not.toMatch(/evil|injected|dev\/null/);
  });

  test('costs little, and makes nobody ask anywhere', async () => {
    const made = attacks.map(([, make]) => make());
    const client = await rig.connect();
    const send = async (token: string) => {
      client.send(`GET /x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      return (await client.takeMessage()).head;
    };
    for (const token of made) await send(token);
    for (const token of made) {
      const before = process.cpuUsage();
      for (let i = 0; i < 5; i++) await send(token);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 5 / 1000).toBeLessThan(5);
    }
    expect(visits).toBe(0);
  });

  test('of a megabyte does not get past the limits of a head', async () => {
    expect(await ask(`${header}.${'A'.repeat(1024 * 1024)}.${signature}`)).toMatch(/^HTTP\/1.1 431/);
  });
});
