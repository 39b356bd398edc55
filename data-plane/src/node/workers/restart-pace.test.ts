import { expect, test } from 'vitest';
import { RestartPace } from './restart-pace.ts';

test('the first crash costs no wait, a loop of them up to a second each, and a worker that settled ends the loop', () => {
  const pace = new RestartPace();
  expect(pace.next(0, 60_000)).toBe(0);
  expect(Array.from({ length: 9 }, () => pace.next(0, 10))).toEqual([0, 25, 50, 100, 200, 400, 800, 1000, 1000]);
  expect(pace.next(1, 10)).toBe(0);
  expect(pace.next(0, 1_999)).toBe(1000);
  expect(pace.next(0, 2_000)).toBe(0);
  expect(pace.next(0, 10)).toBe(0);
  expect(pace.next(0, 10)).toBe(25);
});
