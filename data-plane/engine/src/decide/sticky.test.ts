import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashText } from './hash-text.ts';
import { pickSticky, type StickyChoice } from './sticky.ts';

const choices = (weights: Readonly<Record<string, number>>): StickyChoice[] =>
  Object.entries(weights).map(([name, weight]) => ({ nameHash: hashText(name, 0), weight }));
const callers = Array.from({ length: 20_000 }, (_, n) => hashText(`caller-${n}`, 0));

test('callers are shared by weight', () => {
  const set = choices({ users: 95, next: 5 });
  const share = callers.filter((hash) => pickSticky(set, hash) === 1).length / callers.length;
  expect(share).toBeGreaterThan(0.04);
  expect(share).toBeLessThan(0.06);
});

test('a caller keeps its choice, and only the one whose weight grows takes from others', () => {
  const weight = fc.integer({ min: 1, max: 100 });
  fc.assert(
    fc.property(weight, weight, weight, fc.integer({ min: 1, max: 100 }), (a, b, c, more) => {
      const before = choices({ a, b, c });
      const after = choices({ a, b: b + more, c });
      for (const hash of callers.slice(0, 500)) {
        const [was, is] = [pickSticky(before, hash), pickSticky(after, hash)];
        expect(pickSticky(before, hash)).toBe(was);
        if (was !== is) expect(is).toBe(1);
      }
    }),
    { numRuns: 30 },
  );
});

test('one that leaves gives its callers to the others, and no other caller moves', () => {
  const [three, two] = [choices({ a: 1, b: 1, c: 1 }), choices({ a: 1, b: 1 })];
  const heirs = [0, 0];
  for (const hash of callers) {
    const was = pickSticky(three, hash);
    if (was === 2) heirs[pickSticky(two, hash)]!++;
    else expect(pickSticky(two, hash)).toBe(was);
  }
  expect(Math.min(...heirs)).toBeGreaterThan(callers.length / 8);
});

test('of none there is none', () => {
  expect(pickSticky([], 1)).toBe(-1);
});
