import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type HashAlgorithm, type HashedEndpoint, hashTable, pickByHash } from './consistent-hash.ts';
import { hashText, mixHash } from './hash-text.ts';

const all = () => true;
const algorithms: readonly HashAlgorithm[] = ['ring', 'maglev'];
const endpointsOf = (weights: readonly number[]): HashedEndpoint[] =>
  weights.map((weight, index) => ({ address: `10.0.${index >> 8}.${index & 255}:80`, weight }));
const hashes = (count: number): number[] => Array.from({ length: count }, (_, n) => hashText(`user-${n}`, 0));

/** Who owns a hash, by address: what must not depend on the place in the list. */
function ownersOf(endpoints: readonly HashedEndpoint[], algorithm: HashAlgorithm, of: readonly number[]): string[] {
  const table = hashTable(endpoints, algorithm);
  return of.map((hash) => endpoints[pickByHash(table, hash, all)]!.address);
}

describe.each(algorithms)('%s', (algorithm) => {
  test.each([[[1, 1, 1]], [[3, 1]], [Array.from({ length: 20 }, () => 1)], [[10, 5, 5, 1]]])(
    'loads endpoints of weights %j by their weights',
    (weights) => {
      const table = hashTable(endpointsOf(weights), algorithm);
      const counts = weights.map(() => 0);
      const keys = hashes(50_000);
      for (const hash of keys) counts[pickByHash(table, hash, all)]!++;
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, i) => {
        const share = counts[i]! / keys.length / (weight / total);
        // A ring's arcs differ by chance: with 128 points and more, by a tenth or so.
        expect(share).toBeGreaterThan(algorithm === 'ring' ? 0.6 : 0.9);
        expect(share).toBeLessThan(algorithm === 'ring' ? 1.5 : 1.1);
      });
    },
  );

  test('an endpoint that leaves, or is not eligible, gives what it had to many others', () => {
    const endpoints = endpointsOf([1, 1, 1, 1, 1, 1, 1, 1]);
    const keys = hashes(20_000);
    const before = ownersOf(endpoints, algorithm, keys);
    const gone = endpoints[3]!.address;
    const table = hashTable(endpoints, algorithm);
    const skipped = keys.map((hash) => endpoints[pickByHash(table, hash, (index) => index !== 3)]!.address);
    const without = ownersOf(endpoints.toSpliced(3, 1), algorithm, keys);
    const heirs = new Map<string, number>();
    let moved = 0;
    before.forEach((owner, i) => {
      expect(skipped[i]).not.toBe(gone);
      if (owner === gone) heirs.set(skipped[i]!, (heirs.get(skipped[i]!) ?? 0) + 1);
      else {
        // While it is only not eligible nobody else notices.
        expect(skipped[i]).toBe(owner);
        if (without[i] !== owner) moved++;
      }
    });
    expect(heirs.size).toBe(7);
    expect(moved / keys.length).toBeLessThanOrEqual(algorithm === 'ring' ? 0 : 0.05);
  });

  test('with none eligible picks none, with one eligible that one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(), fc.nat({ max: 0xffffffff }), (size, chosen, hash) => {
        const table = hashTable(endpointsOf(Array.from({ length: size }, (_, i) => 1 + (i % 3))), algorithm);
        expect(pickByHash(table, hash, () => false)).toBe(-1);
        expect(pickByHash(table, hash, (index) => index === chosen % size)).toBe(chosen % size);
      }),
      { numRuns: 40 },
    );
  });

  test('of no endpoint, and of a thousand', () => {
    expect(pickByHash(hashTable([], algorithm), 1, all)).toBe(-1);
    const table = hashTable(endpointsOf(Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1000 : 1))), algorithm);
    expect(new Set(table.owners).size).toBe(1000);
  });
});

test('a ring picks the first point behind the hash, as a search through all of them does', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat({ max: 0xffffffff }), { minLength: 1, maxLength: 50 }),
      fc.func(fc.boolean()),
      (weights, keys, isEligible) => {
        const eligible = (index: number): boolean => isEligible(index);
        const table = hashTable(endpointsOf(weights), 'ring');
        const points = [...table.starts!].map((start, i) => ({ start, owner: table.owners[i]! }));
        // The last points too: behind them comes the first.
        for (const hash of [...keys, ...points.slice(-3).map(({ start }) => start)]) {
          const behind = [...points.filter(({ start }) => start >= hash), ...points];
          const expected = behind.find(({ owner }) => eligible(owner))?.owner ?? -1;
          expect(pickByHash(table, hash, eligible)).toBe(expected);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test('the order in which endpoints are listed changes no ring', () => {
  const endpoints = endpointsOf([1, 2, 3, 4]);
  const keys = hashes(5_000);
  expect(ownersOf(endpoints.toReversed(), 'ring', keys)).toEqual(ownersOf(endpoints, 'ring', keys));
});

test('hashes of like texts are far apart', () => {
  const seen = new Set(hashes(10_000));
  expect(seen.size).toBeGreaterThan(9_990);
  let bits = 0;
  for (let n = 0; n < 1_000; n++) {
    let differing = mixHash(n) ^ mixHash(n + 1);
    for (; differing !== 0; differing &= differing - 1) bits++;
  }
  expect(bits / 1_000).toBeGreaterThan(14);
  expect(bits / 1_000).toBeLessThan(18);
});
