import { expect, test } from 'vitest';
import { createSharedRegion, NO_SLOT, OVERFLOW_SLOT } from './region.ts';
import { OVERFLOW_NAME, Slots } from './slots.ts';

test('a name keeps its slot, through removal and return, and no other name ever gets it', () => {
  const slots = new Slots(100);
  const a = slots.assign('a');
  expect(slots.assign('a')).toBe(a);
  slots.release('a');
  expect([slots.slotOf('a'), slots.nameOf(a)]).toEqual([undefined, undefined]);
  expect(slots.assign('b')).not.toBe(a);
  expect(slots.assign('a')).toBe(a);
  expect([...slots.entries()]).toEqual([
    ['b', a + 1],
    ['a', a],
  ]);
});

test('past its bound names share the overflow slot, counted', () => {
  const slots = new Slots(createSharedRegion({ workers: 1, routes: 2 }).slots.routes);
  expect(['a', 'b', 'c', 'd', 'a'].map((name) => slots.assign(name))).toEqual([2, 3, OVERFLOW_SLOT, OVERFLOW_SLOT, 2]);
  expect(slots.overflowed).toBe(2);
  expect([slots.nameOf(NO_SLOT), slots.nameOf(OVERFLOW_SLOT), slots.nameOf(4)]).toEqual(['', OVERFLOW_NAME, undefined]);
  expect(slots.used).toBe(4);
});
