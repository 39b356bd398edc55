import { expect, test } from 'vitest';
import { nextLookupMs } from './lookup-pace.ts';

/** In how long at the earliest and at the latest. */
const range = (refreshMs: number | undefined, ttlMs: number, failures = 0): [number, number] => {
  const all = [0, 0.5, 1].map((random) => nextLookupMs(refreshMs, ttlMs, failures, () => random));
  return [Math.round(Math.min(...all)), Math.round(Math.max(...all))];
};

test.each<[string, number | undefined, number, number, [number, number]]>([
  ['once the answer is no longer good', undefined, 30_000, 0, [30_000, 33_000]],
  ['never more than once a second', undefined, 0, 0, [1_000, 1_100]],
  ['at least once an hour', undefined, 1e9, 0, [3_240_000, 3_600_000]],
  ['at least as often as is said', 10_000, 60_000, 0, [9_000, 10_000]],
  ['more often than is said where the answer says so', 10_000, 2_000, 0, [2_000, 2_200]],
  ['a second after a failure', undefined, 0, 1, [1_000, 1_100]],
  ['eight seconds after four', undefined, 0, 4, [8_000, 8_800]],
  ['a minute after many', undefined, 0, 1_000, [60_000, 66_000]],
  ['after many as often as is said', 5_000, 0, 1_000, [4_500, 5_000]],
])('%s', (_, refreshMs, ttlMs, failures, expected) => {
  expect(range(refreshMs, ttlMs, failures)).toEqual(expected);
});
