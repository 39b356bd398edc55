import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashItem, SetDigest } from './digest.ts';

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('the digest of a set', () => {
  test('is the sum of the hashes modulo 2^256', () => {
    fc.assert(
      fc.property(fc.array(hash), (hashes) => {
        const sum = hashes.reduce((total, each) => (total + toBigInt(each)) % 2n ** 256n, 0n);
        expect(toBigInt(SetDigest.of(hashes).bytes())).toBe(sum);
      }),
    );
  });

  test('does not depend on the order and forgets what is removed', () => {
    fc.assert(
      fc.property(fc.array(hash), hash, (hashes, other) => {
        const digest = SetDigest.of([other, ...hashes]);
        expect(SetDigest.of([...hashes.toReversed(), other]).bytes()).toEqual(digest.bytes());
        digest.remove(other);
        expect(digest.bytes()).toEqual(SetDigest.of(hashes).bytes());
      }),
    );
  });

  test('carries through every limb', () => {
    const digest = SetDigest.of([new Uint8Array(32).fill(0xff)]);
    const one = new Uint8Array(32);
    one[31] = 1;
    digest.add(one);
    expect(digest.bytes()).toEqual(new Uint8Array(32));
    digest.remove(one);
    expect(digest.bytes()).toEqual(new Uint8Array(32).fill(0xff));
  });

  test('a clone and the digest read back from bytes go their own way', () => {
    const item = hashItem('Route', 'a', new Uint8Array([1]));
    const digest = SetDigest.of([item]);
    const clone = digest.clone();
    const read = SetDigest.fromBytes(digest.bytes());
    digest.remove(item);
    expect(clone.bytes()).toEqual(item);
    expect(read.bytes()).toEqual(item);
    expect(digest.bytes()).toEqual(new Uint8Array(32));
  });
});

test('the hash of an item tells kind, name and content apart', () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const hashes = [
    hashItem('Route', 'a', text('b')),
    hashItem('Route', 'ab', text('')),
    hashItem('Route', '', text('ab')),
    hashItem('Routea', '', text('b')),
  ].map((each) => Buffer.from(each).toString('hex'));
  expect(new Set(hashes).size).toBe(4);
});

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
