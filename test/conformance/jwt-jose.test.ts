/** What jose refuses is refused here too, and what is accepted here jose accepts: over tokens of every algorithm, whole and mutated. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { type IssuerKeys, parseKeySet, sharedKey, verifyToken } from '@sluice/engine';
import fc from 'fast-check';
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';

const NOW = 1_800_000_000;
const ISSUER = 'https://issuer.example/';
const SECRET = Buffer.alloc(64, 'secret ');
const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
ALGORITHMS.push('ES256', 'ES384', 'ES512', 'EdDSA');

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pairs = new Map<string, { publicKey: KeyObject; privateKey: KeyObject }>([
  ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['ES512', generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['EdDSA', generateKeyPairSync('ed25519')],
]);
const pairOf = (algorithm: string) => pairs.get(algorithm) ?? rsa;

interface Verifier {
  readonly ours: IssuerKeys;
  readonly jwks: JSONWebKeySet | undefined;
}

/** By the algorithm that the issuer is configured with. */
const verifiers = new Map<string, Verifier>();
const tokens: { algorithm: string; token: string }[] = [];

beforeAll(async () => {
  for (const algorithm of ALGORITHMS) {
    const isShared = algorithm.startsWith('HS');
    const jwk = { ...pairOf(algorithm).publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig' };
    const set = parseKeySet(JSON.stringify({ keys: [jwk] }));
    if (typeof set === 'string') throw new Error(set);
    const ours = isShared ? sharedKey(SECRET) : set.keys;
    verifiers.set(algorithm, { ours, jwks: isShared ? undefined : ({ keys: [jwk] } as JSONWebKeySet) });
    const key = isShared ? SECRET : pairOf(algorithm).privateKey;
    for (const claims of [
      {},
      { exp: NOW + 60, nbf: NOW - 60, iat: NOW - 60, aud: 'api', sub: 'ü✓', list: [{ a: { b: [1] } }] },
      { exp: NOW - 60 },
      { exp: 'soon' },
      { nbf: NOW + 60 },
      { iat: 'now' },
      { aud: ['x', 'api'] },
      { aud: 'x' },
      { aud: 7 },
      { iss: 'x' },
      { iss: undefined },
    ]) {
      const token = await new SignJWT({ iss: ISSUER, aud: 'api', ...claims } as Record<string, unknown>)
        .setProtectedHeader({ alg: algorithm, kid: 'k', typ: 'JWT' })
        .sign(key);
      tokens.push({ algorithm, token });
    }
  }
});

function isAccepted(token: string, algorithm: string): boolean {
  const issuer = {
    ...{ issuer: ISSUER, audiences: ['api'], algorithms: new Set([algorithm]), toleranceSeconds: 0 },
    keys: verifiers.get(algorithm)!.ours,
  };
  return !('reason' in verifyToken(token, [issuer], NOW * 1000));
}

async function joseAccepts(token: string, algorithm: string): Promise<boolean> {
  const { jwks } = verifiers.get(algorithm)!;
  const options = {
    ...{ issuer: ISSUER, audience: 'api', algorithms: [algorithm] },
    currentDate: new Date(NOW * 1000),
  };
  const verified =
    jwks === undefined ? jwtVerify(token, SECRET, options) : jwtVerify(token, createLocalJWKSet(jwks), options);
  return verified.then(
    () => true,
    () => false,
  );
}

describe('tokens that jose signed', () => {
  test('are accepted exactly where jose accepts them, by every issuer', async () => {
    const seen = { accepted: 0, refused: 0 };
    for (const { token } of tokens) {
      for (const algorithm of ALGORITHMS) {
        const expected = await joseAccepts(token, algorithm);
        expect([token, algorithm, isAccepted(token, algorithm)]).toEqual([token, algorithm, expected]);
        seen[expected ? 'accepted' : 'refused']++;
      }
    }
    expect(seen.accepted).toBe(3 * ALGORITHMS.length);
    expect(seen.refused).toBeGreaterThan(1000);
  });

  test('are refused wherever jose refuses them once anything of them is changed', async () => {
    const change = fc.record({
      which: fc.nat(),
      at: fc.nat(),
      insert: fc.constantFrom('', '.', '=', 'A', '-', '_', ' ', '\n', '+', '/', '%', 'eyJhbGciOiJub25lIn0'),
      remove: fc.nat({ max: 2 }),
      algorithm: fc.constantFrom(...ALGORITHMS),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ which, at, insert, remove, algorithm }) => {
        const original = tokens[which % tokens.length]!;
        const place = at % original.token.length;
        const token = original.token.slice(0, place) + insert + original.token.slice(place + remove);
        const judge = which % 3 === 0 ? algorithm : original.algorithm;
        if (isAccepted(token, judge)) expect(await joseAccepts(token, judge)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });
});

describe('keys', () => {
  test.each([
    ['of 1024 bits', () => generateKeyPairSync('rsa', { modulusLength: 1024 }), 'of 1024 bits'],
    ['with the exponent 3', () => generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }), 'exponent 3'],
  ])('%s are not used', (_, make, reason) => {
    const set = parseKeySet(JSON.stringify({ keys: [make().publicKey.export({ format: 'jwk' })] }));
    expect(set).toMatchObject({ problems: [expect.stringContaining(reason)] });
    expect(typeof set === 'string' ? undefined : set.keys.find('RS256', undefined)).toBeUndefined();
  });

  test('of which two could be meant are not used, and neither are private ones', () => {
    const jwk = (kid?: string) => ({ ...rsa.publicKey.export({ format: 'jwk' }), ...(kid !== undefined && { kid }) });
    const set = (keys: unknown[]) =>
      parseKeySet(JSON.stringify({ keys })) as Exclude<ReturnType<typeof parseKeySet>, string>;
    expect(set([jwk('a'), jwk('b')]).keys.find('RS256', undefined)).toBeUndefined();
    expect(set([jwk('a'), jwk('b')]).keys.find('RS256', 'b')).toBeDefined();
    expect(set([jwk('a'), jwk('a')]).keys.find('RS256', 'a')).toBeUndefined();
    expect(set([jwk()]).keys.find('RS256', 'a')).toBeUndefined();
    expect(set([jwk('a')]).keys.find('HS256', 'a')).toBeUndefined();
    const own = rsa.privateKey.export({ format: 'jwk' });
    expect(set([own]).problems).toEqual(['keys[0] holds a private or shared key']);
  });
});
