import { expect, test } from 'vitest';
import { backoffMs, retryWaitMs } from './backoff.ts';
import { retryAllowance } from './budget.ts';
import { retryAfterMs } from './retry-after.ts';
import { isOwed, mayTake, passesOn } from './share.ts';

test('backoff doubles up to its maximum, with full jitter', () => {
  const policy = { baseMs: 25, maxMs: 1000 };
  expect([0, 1, 2, 5, 6, 100, 5000].map((retry) => backoffMs(retry, policy, () => 0.5))).toEqual([
    12.5, 25, 50, 400, 500, 500, 500,
  ]);
  expect(backoffMs(3, policy, () => 0)).toBe(0);
});

test('another try waits for what the last answer asked for and its own pause, if there is time', () => {
  expect([retryWaitMs(5, 0, 6), retryWaitMs(5, 0, 5)]).toEqual([5, undefined]);
  expect([retryWaitMs(5, 1_000, 1_006), retryWaitMs(5, 1_000, 1_005)]).toEqual([1_005, undefined]);
  expect(retryWaitMs(0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBeUndefined();
});

test('Retry-After is seconds or a date, and what is neither asks for nothing', () => {
  const now = Date.UTC(2026, 10, 21, 12, 0, 0);
  const asked = ['0', '120', '9999999999', 'Sat, 21 Nov 2026 12:00:07 GMT', 'Sat, 21 Nov 2026 11:59:00 GMT'];
  expect(asked.map((value) => retryAfterMs(value, now))).toEqual([0, 120_000, 9_999_999_999_000, 7_000, 0]);
  for (const value of ['', '-1', '1.5', '1 ', '99999999999', 'soon', '1, 2']) {
    expect(retryAfterMs(value, now)).toBeUndefined();
  }
});

test('a retry budget is a share of the requests and never under three a second', () => {
  expect([0, 100, 150, 151, 1000].map((requests) => retryAllowance(requests, 20))).toEqual([30, 30, 30, 30, 200]);
  expect(retryAllowance(1000, 0)).toBe(30);
});

test('a worker may always take its share, beyond it while the node has some left', () => {
  const cap = 10;
  expect(mayTake(4, 10, cap, 2)).toBe(true);
  expect(mayTake(5, 10, cap, 2)).toBe(false);
  expect(mayTake(8, 9, cap, 2)).toBe(true);
  expect(mayTake(0, 99, 1, 4)).toBe(true);
});

test('of what is never more than its cap a worker is owed its share, and passes on what it has beyond it', () => {
  expect([1, 2, 3].map((own) => isOwed(own, 5, 2))).toEqual([true, false, false]);
  expect([1, 2, 3].map((own) => passesOn(own, 5, 2))).toEqual([false, false, true]);
  // Fewer than workers: each is owed one, and whoever has one passes it on.
  expect([isOwed(0, 1, 4), isOwed(1, 1, 4), passesOn(1, 1, 4)]).toEqual([true, false, true]);
});
