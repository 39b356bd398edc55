import { expect, test } from 'vitest';
import {
  ejectedWord,
  ejectionMs,
  ejectsNext,
  MAX_OUTLIER_FAILURES,
  mostEjected,
  nextEjection,
  type OutlierPolicy,
  outlierEjections,
  outlierFailures,
  withOneFailure,
  withoutFailures,
} from './outlier.ts';

const policy: OutlierPolicy = { consecutiveFailures: 5, baseEjectionMs: 30_000, maxEjectedPercent: 50 };

test('the nth failure in a row ejects; a success starts the row again and forgets no ejection', () => {
  let word = ejectedWord(3);
  for (let i = 1; i < 5; i++) {
    expect(ejectsNext(word, policy)).toBe(false);
    word = withOneFailure(word);
    expect([outlierFailures(word), outlierEjections(word)]).toEqual([i, 3]);
  }
  expect(ejectsNext(word, policy)).toBe(true);
  expect([outlierFailures(withoutFailures(word)), outlierEjections(withoutFailures(word))]).toEqual([0, 3]);
});

test('the largest counts fit', () => {
  let word = ejectedWord(10);
  for (let i = 0; i < 2 * MAX_OUTLIER_FAILURES; i++) word = withOneFailure(word);
  expect(outlierFailures(word)).toBeGreaterThanOrEqual(MAX_OUTLIER_FAILURES);
  expect(outlierEjections(word)).toBe(10);
});

test('each ejection in a row lasts longer, and time in service makes them forgotten one by one', () => {
  const next = (before: number, inServiceMs: number) => nextEjection(ejectedWord(before), inServiceMs, policy);
  expect([next(0, 0), next(1, 0), next(9, 0), next(10, 0)]).toEqual([1, 2, 10, 10]);
  expect([next(3, 29_999), next(3, 30_000), next(3, 60_000), next(3, 1e9)]).toEqual([4, 3, 2, 1]);
  expect([1, 2, 10].map((ejection) => ejectionMs(ejection, policy))).toEqual([30_000, 60_000, 300_000]);
});

test('the share that may be ejected is rounded down', () => {
  expect([1, 2, 3, 4, 7].map((all) => mostEjected(all, policy))).toEqual([0, 1, 1, 2, 3]);
  expect(mostEjected(3, { ...policy, maxEjectedPercent: 100 })).toBe(3);
  expect(mostEjected(3, { ...policy, maxEjectedPercent: 0 })).toBe(0);
});
