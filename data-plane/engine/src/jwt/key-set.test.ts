import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { MAX_KEY_SET_BYTES, MAX_KEYS, parseKeySet } from './key-set.ts';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
const three = generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).publicKey.export({
  format: 'jwk',
});

/** What a set of one key can verify, or what is wrong with it. */
function read(key: unknown): string {
  const set = parseKeySet(JSON.stringify({ keys: [key] }));
  if (typeof set === 'string') return set;
  return [...set.algorithms, ...set.problems].join(' ');
}

describe('a key of a set', () => {
  test('verifies what is of its kind', () => {
    expect(read(ec)).toBe('ES256');
    expect(read(p384)).toBe('ES384');
    expect(read(ed)).toMatch(/EdDSA/);
    expect(read(rsa)).toBe('RS256 RS384 RS512 PS256 PS384 PS512');
    expect(read({ ...rsa, alg: 'PS256', use: 'sig', key_ops: ['verify'], kid: 'a' })).toBe('PS256');
  });

  test.each<[string, unknown]>([
    ['for encryption', { ...rsa, use: 'enc' }],
    ['for signing alone', { ...rsa, key_ops: ['sign'] }],
    ['whose operations are no list', { ...rsa, key_ops: 'verify' }],
    ['for an algorithm of another kind', { ...rsa, alg: 'ES256' }],
    ['of an unknown kind', { kty: 'XX' }],
    ['of an unknown curve', { ...ec, crv: 'secp256k1' }],
    ['of an unknown Edwards curve', { ...ed, crv: 'Ed448x' }],
  ])('%s is passed over', (_, key) => {
    expect(read(key)).toBe('');
  });

  test.each<[string, unknown]>([
    ['that is no object', 'key'],
    ['that is nothing', null],
    ['that is a list', []],
    ['with its private part', { ...ec, d: 'AA' }],
    ['shared', { kty: 'oct', k: 'AAAA' }],
    ['whose kid is no text', { ...ec, kid: 1 }],
    ['off its curve', { ...ec, x: ec.y }],
    ['without its parts', { kty: 'RSA' }],
    ['of parts that are no text', { kty: 'EC', crv: 'P-256', x: 1, y: 2 }],
    ['too short', small],
    ['of a small exponent', three],
    ['whose parts are padded', { ...rsa, n: `${rsa.n}=` }],
  ])('%s is refused', (_, key) => {
    expect(read(key)).toMatch(/^keys\[0\] /);
  });
});

test('a set is bounded, and a list', () => {
  expect(parseKeySet('[]')).toMatch(/is no JSON Web Key Set/);
  expect(parseKeySet('{"keys":{}}')).toMatch(/is no JSON Web Key Set/);
  expect(parseKeySet('{"keys":[],"keys":[]}')).toMatch(/is no JSON Web Key Set/);
  const keys = (count: number) => JSON.stringify({ keys: Array.from({ length: count }, () => ({ kty: 'XX' })) });
  expect(parseKeySet(keys(MAX_KEYS))).toMatchObject({ problems: [] });
  expect(parseKeySet(keys(MAX_KEYS + 1))).toMatch(/holds more than 100 keys/);
  const padded = (length: number) => '{"keys":[]}'.padEnd(length);
  expect(parseKeySet(padded(MAX_KEY_SET_BYTES))).toMatchObject({ problems: [] });
  expect(parseKeySet(padded(MAX_KEY_SET_BYTES + 1))).toMatch(/is longer than/);
});
