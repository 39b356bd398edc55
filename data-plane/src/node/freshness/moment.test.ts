import { expect, test } from 'vitest';
import { createSteadyClock, elapsedMs, readMoment, UNKNOWN_AGE_MS } from './moment.ts';

const from = { wallMs: 1_000_000, uptimeMs: 500_000, bootId: 'a' };

test.each([
  ['the same start of the machine', { wallMs: 1_060_000, uptimeMs: 560_000, bootId: 'a' }, 60_000],
  ['a wall clock that was set back', { wallMs: 900_000, uptimeMs: 560_000, bootId: 'a' }, 60_000],
  ['a wall clock that was set forward', { wallMs: 4_660_000, uptimeMs: 560_000, bootId: 'a' }, 3_660_000],
  ['another start', { wallMs: 1_060_000, uptimeMs: 10_000, bootId: 'b' }, 60_000],
  ['another start, with more time since it', { wallMs: 1_060_000, uptimeMs: 900_000, bootId: 'b' }, 60_000],
  ['an uptime that went back', { wallMs: 1_060_000, uptimeMs: 10_000, bootId: 'a' }, 60_000],
  [
    'another start, and a wall clock that went back',
    { wallMs: 999_999, uptimeMs: 10_000, bootId: 'b' },
    UNKNOWN_AGE_MS,
  ],
] as const)('%s', (_, to, ms) => {
  expect(elapsedMs(from, to)).toBe(ms);
});

test('where the start of the machine is not known only the wall clock tells', () => {
  expect(elapsedMs({ ...from, bootId: '' }, { wallMs: 999_999, uptimeMs: 900_000, bootId: '' })).toBe(UNKNOWN_AGE_MS);
});

test('of the present machine a moment ago is a moment ago', () => {
  const moment = readMoment();
  expect(elapsedMs(moment, readMoment())).toBeLessThan(60_000);
});

test('the steady clock goes on while the machine is suspended, and never back', () => {
  let [monotonicMs, uptimeMs] = [100, 50_000];
  const steadyMs = createSteadyClock(
    () => monotonicMs,
    () => uptimeMs,
  );
  expect(steadyMs()).toBe(100);
  [monotonicMs, uptimeMs] = [200, 50_100];
  expect(steadyMs()).toBe(200);
  [monotonicMs, uptimeMs] = [300, 3_650_200];
  expect(steadyMs()).toBe(3_600_300);
  [monotonicMs, uptimeMs] = [400, 0];
  expect(steadyMs()).toBe(3_600_400);
});
