import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mayTake, surplusOf } from './share.ts';

test.each([
  ['under the cap', 9, 9, 10, 1, true],
  ['at the cap', 10, 10, 10, 1, false],
  ['at the cap, within its share', 4, 10, 10, 2, true],
  ['at the cap, its share taken', 5, 10, 10, 2, false],
  ['a cap below the number of workers leaves each one', 0, 3, 2, 4, true],
])('%s', (_, own, total, cap, workers, may) => {
  expect(mayTake(own, total, cap, workers)).toBe(may);
});

test('what all give up together is what is too much, and at most one more each; nobody gives up from within its share', () => {
  const held = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 16 });
  fc.assert(
    fc.property(held, fc.integer({ min: 1, max: 50_000 }), (counts, cap) => {
      const given = counts.map((_, worker) => surplusOf(worker, counts, cap, counts.length));
      const over = Math.max(0, counts.reduce((sum, count) => sum + count, 0) - cap);
      const all = given.reduce((sum, count) => sum + count, 0);
      expect(all).toBeGreaterThanOrEqual(over);
      expect(all).toBeLessThan(over + counts.length);
      given.forEach((count, worker) => {
        expect(count === 0 || counts[worker]! - count >= Math.floor(cap / counts.length)).toBe(true);
      });
    }),
  );
});
