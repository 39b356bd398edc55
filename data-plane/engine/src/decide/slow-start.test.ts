import { expect, test } from 'vitest';
import { slowStartShare } from './slow-start.ts';

test('the share begins with a tenth and grows evenly to the whole', () => {
  const at = (ms: number) => slowStartShare(ms, 10_000);
  expect([at(-5), at(0), at(1_000), at(2_500), at(9_999), at(10_000), at(1e9)]).toEqual([
    0.1, 0.1, 0.1, 0.25, 0.9999, 1, 1,
  ]);
});

test('without a slow start it is the whole from the start', () => {
  expect(slowStartShare(0, 0)).toBe(1);
});
