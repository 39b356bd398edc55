import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { endOf } from './check-claims.ts';
import { parseKeySet } from './key-set.ts';
import { sharedKey } from './shared-key.ts';
import { type IssuerKeys, type TokenIssuer, tokenRefusals } from './token-issuer.ts';
import { MAX_TOKEN_LENGTH, verifyToken } from './verify-token.ts';

const NOW = 1_800_000_000;
const SECRET = Buffer.alloc(64, 'secret ');
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const issuer: TokenIssuer = {
  ...{ issuer: 'https://issuer.example/', audiences: ['api', 'web'], toleranceSeconds: 30 },
  ...{ algorithms: new Set(['HS256', 'HS512']), keys: sharedKey(SECRET) },
};
const CLAIMS = { iss: issuer.issuer, aud: 'api' };

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** A token that this secret signed, whatever its header says. */
function sealed(claims: unknown, header: unknown = { alg: 'HS256' }, secret = SECRET): string {
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function signed(header: object, privateKey: KeyObject): string {
  const input = `${encode(header)}.${encode(CLAIMS)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function keysOf(...members: readonly object[]): IssuerKeys {
  const set = parseKeySet(JSON.stringify({ keys: members }));
  if (typeof set === 'string') throw new Error(set);
  return set.keys;
}

/** Why a token is refused; undefined: it is not. */
function refusal(token: string, issuers: readonly TokenIssuer[] = [issuer]): string | undefined {
  const verified = verifyToken(token, issuers, NOW * 1000);
  return 'reason' in verified ? verified.detail : undefined;
}

describe('the claims of a token', () => {
  test.each<[string, object, keyof typeof tokenRefusals | undefined]>([
    ['for one of the audiences', { aud: 'web' }, undefined],
    ['for several, one of them ours', { aud: ['x', 7, 'api'] }, undefined],
    ['for another', { aud: 'other' }, 'audience'],
    ['for several others', { aud: ['x', 'y'] }, 'audience'],
    ['for nobody', { aud: undefined }, 'audience'],
    ['for a number', { aud: 7 }, 'audience'],
    ['that ended as long ago as clocks may differ', { exp: NOW - 29 }, undefined],
    ['that ended longer ago', { exp: NOW - 30 }, 'expired'],
    ['that begins as soon as clocks may differ', { nbf: NOW + 30 }, undefined],
    ['that begins later', { nbf: NOW + 31 }, 'early'],
    ['that was made as soon as clocks may differ', { iat: NOW + 30 }, undefined],
    ['that will be made', { iat: NOW + 31 }, 'early'],
    ['that ends at a text', { exp: 'soon' }, 'claims'],
    ['that begins at null', { nbf: null }, 'claims'],
    ['that was made at an object', { iat: {} }, 'claims'],
    ['of another issuer', { iss: 'https://other.example/' }, 'issuer'],
    ['of no issuer', { iss: undefined }, 'issuer'],
  ])('%s', (_, claims, expected) => {
    expect(refusal(sealed({ ...CLAIMS, ...claims }))).toBe(expected && tokenRefusals[expected].detail);
  });

  test('say nothing of an audience where none is asked for', () => {
    expect(refusal(sealed({ iss: issuer.issuer }), [{ ...issuer, audiences: [] }])).toBeUndefined();
  });

  test('that are inherited by every object are not there', () => {
    const own = { ...issuer, issuer: 'x', audiences: [] };
    expect(refusal(sealed({ iss: 'x', toString: 1 }), [own])).toBeUndefined();
    expect(refusal(sealed('{"__proto__":{"iss":"x"}}'), [own])).toBe(tokenRefusals.malformed.detail);
  });

  test('say when it ends, clocks that differ included; without exp it does not', () => {
    expect(endOf({ exp: NOW }, issuer)).toBe((NOW + 30) * 1000);
    expect(endOf({}, issuer)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what is malformed is refused unread', () => {
  const good = sealed(CLAIMS);
  const [header, claims, signature] = good.split('.') as [string, string, string];
  test.each([
    ['nothing', ''],
    ['no dot', header + claims + signature],
    ['one dot', `${header}.${claims}`],
    ['three dots', `${good}.`],
    ['no header', `.${claims}.${signature}`],
    ['no claims', `${header}..${signature}`],
    ['padding', `${header}.${claims}=.${signature}`],
    ['a header that is no JSON', `${encode('{')}.${claims}.${signature}`],
    ['a header that is a list', sealed(CLAIMS, ['HS256'])],
    ['claims that are a text', sealed('"iss"')],
    ['claims that are null', sealed('null')],
    ['a claim twice', sealed(`{"iss":"${issuer.issuer}","aud":"api","aud":"api"}`)],
    ['claims that nest too deep', sealed({ ...CLAIMS, deep: JSON.parse('['.repeat(17) + ']'.repeat(17)) as unknown })],
    ['no algorithm', sealed(CLAIMS, {})],
    ['an algorithm that is no text', sealed(CLAIMS, { alg: 256 })],
    ['a key id that is no text', sealed(CLAIMS, { alg: 'HS256', kid: 7 })],
    ['extensions that must be understood', sealed(CLAIMS, { alg: 'HS256', crit: ['exp'], exp: 1 })],
    ['a type for another use', sealed(CLAIMS, { alg: 'HS256', typ: 'dpop+jwt' })],
    ['a type that is no text', sealed(CLAIMS, { alg: 'HS256', typ: 1 })],
    ['more than a token may have', sealed({ ...CLAIMS, more: 'x'.repeat(MAX_TOKEN_LENGTH) })],
  ])('%s', (_, token) => {
    expect(refusal(token)).toBe(tokenRefusals.malformed.detail);
  });

  test.each(['JWT', 'at+jwt', 'application/JWT', undefined])('but not the type %s', (typ) => {
    expect(refusal(sealed(CLAIMS, { alg: 'HS256', typ }))).toBeUndefined();
  });

  test('the longest token that is read is read whole', () => {
    const room = MAX_TOKEN_LENGTH - sealed({ ...CLAIMS, more: '' }).length;
    const lengths = Array.from({ length: 8 }, (_, i) => Math.floor((room * 3) / 4) + i - 4);
    const tokens = lengths.map((length) => sealed({ ...CLAIMS, more: 'x'.repeat(length) }));
    const longest = tokens.findLast(({ length }) => length <= MAX_TOKEN_LENGTH)!;
    expect(longest.length).toBeGreaterThan(MAX_TOKEN_LENGTH - 4);
    expect(refusal(longest)).toBeUndefined();
    expect(refusal(`${longest}AAAA`)).toBe(tokenRefusals.malformed.detail);
  });
});

describe('the key of a token', () => {
  const jwk = { ...curve.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig' };
  const byCurve: TokenIssuer = { ...issuer, algorithms: new Set(['ES256', 'ES384']), keys: keysOf(jwk) };

  test('is found by its id, or without one where there is only one', () => {
    expect(refusal(signed({ alg: 'ES256', kid: 'k' }, curve.privateKey), [byCurve])).toBeUndefined();
    expect(refusal(signed({ alg: 'ES256' }, curve.privateKey), [byCurve])).toBeUndefined();
    const two = { ...byCurve, keys: keysOf(jwk, { ...jwk, kid: 'l' }) };
    expect(refusal(signed({ alg: 'ES256', kid: 'l' }, curve.privateKey), [two])).toBeUndefined();
    expect(refusal(signed({ alg: 'ES256' }, curve.privateKey), [two])).toBe(tokenRefusals.key.detail);
    const twice = { ...byCurve, keys: keysOf(jwk, jwk) };
    expect(refusal(signed({ alg: 'ES256', kid: 'k' }, curve.privateKey), [twice])).toBe(tokenRefusals.key.detail);
  });

  test('that its issuer may have new is asked for: the refusal says whose it is', () => {
    const token = signed({ alg: 'ES256', kid: 'new' }, curve.privateKey);
    expect(verifyToken(token, [byCurve], NOW * 1000)).toEqual({ ...tokenRefusals.key, lacking: byCurve });
    const unfetched = { ...byCurve, keys: undefined };
    expect(verifyToken(token, [unfetched], NOW * 1000)).toEqual({ ...tokenRefusals.keys, lacking: unfetched });
  });

  test.each<[string, string]>([
    ['an algorithm that the issuer is not configured with', sealed(CLAIMS, { alg: 'HS384' })],
    ['no algorithm at all', `${encode({ alg: 'none' })}.${encode(CLAIMS)}.`],
    ['an algorithm in other letters', sealed(CLAIMS, { alg: 'hs256' })],
    ['another secret', sealed(CLAIMS, { alg: 'HS256' }, Buffer.alloc(64))],
    ['the signature of another algorithm', sealed(CLAIMS, { alg: 'HS512' })],
  ])('does not fit %s', (_, token) => {
    expect(refusal(token)).toBe(tokenRefusals.signature.detail);
  });

  test('is never a public one taken for a secret', () => {
    const pem = curve.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    for (const secret of [Buffer.from(pem), Buffer.from(JSON.stringify(jwk)), Buffer.from(jwk.x!)]) {
      expect(refusal(sealed(CLAIMS, { alg: 'HS256', kid: 'k' }, secret), [byCurve])).toBe(
        tokenRefusals.signature.detail,
      );
    }
  });

  test('is not one that a token brings along', () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const brought = own.publicKey.export({ format: 'jwk' });
    const token = signed({ alg: 'ES256', kid: 'k', jwk: brought, jku: 'https://evil.example/' }, own.privateKey);
    expect(refusal(token, [byCurve])).toBe(tokenRefusals.signature.detail);
  });

  test('may be of a later issuer of the same name', () => {
    const token = sealed(CLAIMS);
    const verified = verifyToken(token, [{ ...issuer, issuer: 'x' }, byCurve, issuer], NOW * 1000);
    expect(verified).toMatchObject({ issuer, claims: CLAIMS });
  });
});

test('a header is known again without being read, however many there were', () => {
  for (let i = 0; i < 300; i++) expect(refusal(sealed(CLAIMS, { alg: 'HS256', n: i }))).toBeUndefined();
  for (const n of [0, 299]) {
    const token = sealed(CLAIMS, { alg: 'HS256', n });
    expect(refusal(token)).toBeUndefined();
    expect(refusal(`${token.slice(0, -2)}AA`)).toBe(tokenRefusals.signature.detail);
  }
});
