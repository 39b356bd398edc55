import { expect, test } from 'vitest';
import { INVALIDATION_CELLS, INVALIDATIONS_BYTES, Invalidations } from './invalidations.ts';

test('what was asked for before an invalidation counts no more, and what is asked for after it does', () => {
  const region = { invalidations: new SharedArrayBuffer(INVALIDATIONS_BYTES) };
  const [one, two] = [new Invalidations(region), new Invalidations(region)];
  const before = one.now();
  expect(one.holds(5, before)).toBe(true);
  two.invalidate(5);
  expect(one.holds(5, before)).toBe(false);
  expect(one.holds(5 - INVALIDATION_CELLS, before)).toBe(false);
  expect(one.holds(6, before)).toBe(true);
  expect(one.holds(5, one.now())).toBe(true);
});

test('numbers go on past the largest', () => {
  const invalidations = new SharedArrayBuffer(INVALIDATIONS_BYTES);
  new Int32Array(invalidations)[0] = 0x7fffffff;
  const table = new Invalidations({ invalidations });
  new Int32Array(invalidations).fill(0x7ffffff0, 16);
  const before = table.now();
  table.invalidate(1);
  expect(table.holds(1, before)).toBe(false);
  expect(table.holds(1, table.now())).toBe(true);
  expect(table.holds(2, table.now())).toBe(true);
});
