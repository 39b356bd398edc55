import { expect, test } from 'vitest';
import { RefetchPace } from './refetch-pace.ts';

/** When each is fetched that is wanted at these times; `-`: not. */
function fetchedAt(pace: RefetchPace, wantedAt: readonly number[]): (number | '-')[] {
  return wantedAt.map((nowMs) => {
    const inMs = pace.take(nowMs);
    if (inMs === undefined) return '-';
    pace.fetched(nowMs + inMs);
    return nowMs + inMs;
  });
}

test('three refetches may follow each other, a moment apart, then one each ten seconds', () => {
  const wanted = [0, 100, 499, 600, 9_749, 9_750, 10_001, 19_749, 20_000, 30_000];
  expect(fetchedAt(new RefetchPace(), wanted)).toEqual([0, 250, 500, '-', '-', 10_000, '-', '-', 20_000, 30_000]);
});

test('what was not used is saved up to three', () => {
  const wanted = [1_000_000, 1_001_000, 1_002_000, 1_003_000];
  expect(fetchedAt(new RefetchPace(), wanted)).toEqual([1_000_000, 1_001_000, 1_002_000, '-']);
});

test('what is fetched anyway is not fetched again right after', () => {
  const pace = new RefetchPace();
  pace.fetched(1_000_000);
  expect(pace.againInMs(1_000_200)).toBe(0);
  expect(pace.take(1_000_200)).toBe(50);
});
