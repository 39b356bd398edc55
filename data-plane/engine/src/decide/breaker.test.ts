import { expect, test } from 'vitest';
import {
  afterFailure,
  afterSuccess,
  type BreakerPolicy,
  breakerCount,
  breakerGeneration,
  breakerState,
  CLOSED,
  defaultBreakerPolicy,
  entered,
  errorRateTrips,
  HALF_OPEN,
  OPEN,
} from './breaker.ts';

const read = (word: number) => [breakerState(word), breakerCount(word), breakerGeneration(word)];

test('failures in a row open it, a success between them starts the row again', () => {
  const policy: BreakerPolicy = { ...defaultBreakerPolicy, consecutiveFailures: 3 };
  let word = afterFailure(afterFailure(0, policy), policy);
  expect(read(word)).toEqual([CLOSED, 2, 0]);
  word = afterSuccess(word, policy);
  expect(read(word)).toEqual([CLOSED, 0, 0]);
  word = afterFailure(afterFailure(afterFailure(word, policy), policy), policy);
  expect(read(word)).toEqual([OPEN, 0, 1]);
  expect(afterFailure(word, policy)).toBe(word);
  expect(afterSuccess(word, policy)).toBe(word);
});

test('half-open closes after the successes it needs and reopens on one failure', () => {
  const policy: BreakerPolicy = { ...defaultBreakerPolicy, halfOpenRequests: 2 };
  const halfOpen = entered(entered(0, OPEN), HALF_OPEN);
  expect(read(halfOpen)).toEqual([HALF_OPEN, 0, 2]);
  const one = afterSuccess(halfOpen, policy);
  expect(read(one)).toEqual([HALF_OPEN, 1, 2]);
  expect(read(afterSuccess(one, policy))).toEqual([CLOSED, 0, 3]);
  expect(read(afterFailure(one, policy))).toEqual([OPEN, 0, 3]);
});

test('without consecutiveFailures nothing is counted in a row', () => {
  const policy: BreakerPolicy = { ...defaultBreakerPolicy, consecutiveFailures: 0 };
  expect(afterFailure(0, policy)).toBe(0);
});

test('the generation wraps without touching state or count', () => {
  let word = 0;
  for (let i = 0; i < 2 ** 20; i++) word = entered(word, i % 2 === 0 ? OPEN : CLOSED);
  expect(read(word)).toEqual([CLOSED, 0, 0]);
});

test('the largest counts fit', () => {
  const policy: BreakerPolicy = { consecutiveFailures: 1000, openForMs: 1, halfOpenRequests: 32 };
  let word = entered(0, CLOSED);
  for (let i = 0; i < 999; i++) word = afterFailure(word, policy);
  expect(read(word)).toEqual([CLOSED, 999, 1]);
  expect(breakerState(afterFailure(word, policy))).toBe(OPEN);
});

test('an error rate decides only from the minimum of requests on', () => {
  const policy = { percent: 50, windowMs: 10_000, minimumRequests: 20 };
  expect(errorRateTrips(19, 19, policy)).toBe(false);
  expect(errorRateTrips(20, 9, policy)).toBe(false);
  expect(errorRateTrips(20, 10, policy)).toBe(true);
});
