import { MAX_EJECTION_FACTOR, type OutlierPolicy } from '@sluice/engine';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { attachShared } from './attach.ts';
import { createSharedRegion, OVERFLOW_SLOT } from './region.ts';
import { hammer } from './testing/hammers.ts';

const UNIT_MS = 100;

/** What an endpoint should be, told in the plainest way. */
class Model {
  failures = 0;
  ejections = 0;
  untilMs = 0;

  report(ok: boolean, startedMs: number, nowMs: number, policy: OutlierPolicy, all: readonly Model[]): boolean {
    if (startedMs < this.untilMs) return false;
    if (ok) this.failures = 0;
    if (ok || ++this.failures < policy.consecutiveFailures) return false;
    const others = all.filter((each) => each !== this && each.untilMs > nowMs).length;
    if ((others + 1) * 100 > policy.maxEjectedPercent * all.length) {
      // It stands where it stood: the next failure asks again.
      this.failures--;
      return false;
    }
    const forgotten = Math.floor((nowMs - this.untilMs) / policy.baseEjectionMs);
    this.ejections = Math.min(MAX_EJECTION_FACTOR, Math.max(0, this.ejections - forgotten) + 1);
    this.untilMs = Math.ceil((nowMs + this.ejections * policy.baseEjectionMs) / UNIT_MS) * UNIT_MS;
    this.failures = 0;
    return true;
  }
}

const policies: fc.Arbitrary<OutlierPolicy> = fc.record({
  consecutiveFailures: fc.integer({ min: 1, max: 3 }),
  baseEjectionMs: fc.constantFrom(1_000, 2_500, 30_000),
  maxEjectedPercent: fc.oneof(fc.constantFrom(50, 100), fc.integer({ min: 0, max: 100 })),
});

test('endpoints are ejected as a plain model says, whatever happens in which order', () => {
  const steps = fc.array(
    fc.record({
      endpoint: fc.nat({ max: 4 }),
      ok: fc.nat({ max: 3 }).map((n) => n === 0),
      passedMs: fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 20_000 })),
      tookMs: fc.oneof(fc.constant(0), fc.nat({ max: 5_000 })),
    }),
    { minLength: 1, maxLength: 200, size: 'max' },
  );
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 5 }), steps, (policy, size, schedule) => {
      const { outliers } = attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 }));
      const slots = Array.from({ length: size }, (_, index) => index + 2);
      const models = slots.map(() => new Model());
      let nowMs = 0;
      for (const { endpoint, ok, passedMs, tookMs } of schedule) {
        nowMs += passedMs;
        const [index, startedMs] = [endpoint % size, Math.max(0, nowMs - tookMs)];
        const expected = models[index]!.report(ok, startedMs, nowMs, policy, models);
        let ejected = false;
        if (ok) outliers.succeeded(slots[index]!, startedMs);
        else ejected = outliers.failed(slots[index]!, slots, policy, startedMs, nowMs);
        expect(ejected).toBe(expected);
        expect(slots.map((slot) => outliers.untilMs(slot))).toEqual(models.map(({ untilMs }) => untilMs));
        expect(outliers.untilMs(slots[index]!) > nowMs).toBe(models[index]!.untilMs > nowMs);
      }
    }),
    { numRuns: 100 },
  );
});

describe('an endpoint', () => {
  const policy: OutlierPolicy = { consecutiveFailures: 3, baseEjectionMs: 1_000, maxEjectedPercent: 100 };
  const start = () => attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 })).outliers;
  const eject = (outliers: ReturnType<typeof start>, nowMs: number): boolean[] =>
    Array.from({ length: 3 }, () => outliers.failed(2, [2], policy, nowMs, nowMs));

  test('is ejected by n failures in a row, not by n-1, and a success between starts the row again', () => {
    const outliers = start();
    for (let i = 0; i < 2; i++) expect(outliers.failed(2, [2], policy, 0, 0)).toBe(false);
    outliers.succeeded(2, 0);
    expect(eject(outliers, 0)).toEqual([false, false, true]);
    expect(outliers.untilMs(2)).toBe(1_000);
  });

  test('that fails again as soon as it returns stays away longer each time, up to ten times as long', () => {
    const outliers = start();
    const lasted: number[] = [];
    for (let nowMs = 0; lasted.length < 12; ) {
      eject(outliers, nowMs);
      lasted.push(outliers.untilMs(2) - nowMs);
      nowMs = outliers.untilMs(2);
    }
    expect(lasted.map((ms) => ms / 1_000)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
  });

  test('that found no slot is never ejected: it would take others with it', () => {
    const outliers = start();
    for (let i = 0; i < 10; i++) expect(outliers.failed(OVERFLOW_SLOT, [OVERFLOW_SLOT], policy, 0, 0)).toBe(false);
    expect(outliers.untilMs(OVERFLOW_SLOT)).toBe(0);
  });

  test('hears nothing of tries that began before it returned', () => {
    const outliers = start();
    eject(outliers, 500);
    for (let i = 0; i < 10; i++) expect(outliers.failed(2, [2], policy, 1_499, 2_000)).toBe(false);
    expect(eject(outliers, 2_000)).toEqual([false, false, true]);
  });
});

test('however many threads eject at once, no more than the share is ejected', async () => {
  const [rounds, endpoints] = [4_000, 7];
  const region = createSharedRegion({ workers: 4, limiterCells: 2048 });
  await hammer(region, { name: 'ejections', rounds, endpoints }, 4);
  const { outliers } = attachShared(region);
  const ejected = Array.from(
    { length: rounds },
    (_, round) =>
      Array.from({ length: endpoints }, (_, i) => outliers.untilMs(2 + round * endpoints + i)).filter((ms) => ms > 0)
        .length,
  );
  expect(Math.max(...ejected)).toBe(3);
  expect(Math.min(...ejected)).toBeGreaterThanOrEqual(1);
});
