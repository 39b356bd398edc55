import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chargeGcra, gcraOutgrown, gcraPlan, gcraRemaining, gcraWaitUs, refundGcra } from './gcra.ts';

const DAY_MS = 86_400_000;

test('one request a day with a burst of 1,000 admits exactly 1,000 at once', () => {
  const plan = gcraPlan(1, DAY_MS, 1000);
  let tatUs = 0;
  let admitted = 0;
  for (let i = 0; i < 20_000; i++) {
    const next = chargeGcra(tatUs, 12_345_678 + i, plan, 1);
    if (next < 0) continue;
    tatUs = next;
    admitted++;
  }
  expect(admitted).toBe(1000);
});

test('a bucket whose interval is no whole number still admits exactly its burst, however late in the life of the process', () => {
  for (const requests of [3, 7, 1000, 999_999]) {
    for (const nowUs of [1, 1e9, 3e13]) {
      const plan = gcraPlan(requests, 1000, 500);
      let tatUs = 0;
      let admitted = 0;
      for (let i = 0; i < 1000; i++) {
        const next = chargeGcra(tatUs, nowUs, plan, 1);
        if (next >= 0) tatUs = next;
        if (next >= 0) admitted++;
      }
      expect({ requests, nowUs, admitted }).toEqual({ requests, nowUs, admitted: 500 });
    }
  }
});

test('over any time it admits burst plus refill, no more and at most one less', () => {
  const bucket = fc.record({
    requests: fc.integer({ min: 1, max: 10_000 }),
    perMs: fc.constantFrom(1000, 60_000, 3_600_000),
    burst: fc.integer({ min: 1, max: 2000 }),
    stepsUs: fc.array(fc.double({ min: 0, max: 200_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
  });
  fc.assert(
    fc.property(bucket, ({ requests, perMs, burst, stepsUs }) => {
      const plan = gcraPlan(requests, perMs, burst);
      const startUs = 5e9;
      let nowUs = startUs;
      let tatUs = 0;
      let admitted = 0;
      const drain = () => {
        for (let next = chargeGcra(tatUs, nowUs, plan, 1); next >= 0; next = chargeGcra(tatUs, nowUs, plan, 1)) {
          tatUs = next;
          admitted++;
        }
      };
      drain();
      for (const step of stepsUs) {
        nowUs += Math.min(step, plan.capacityUs);
        drain();
      }
      const due = burst + (nowUs - startUs) / plan.intervalUs;
      expect(admitted).toBeLessThanOrEqual(Math.floor(due + 1 / 512));
      expect(admitted).toBeGreaterThanOrEqual(Math.floor(due) - 1);
    }),
  );
});

test('the wait after a refusal is exactly long enough', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(1_000_000),
      (requests, burst, cost, backlogUs) => {
        const plan = gcraPlan(requests, 1000, burst);
        const nowUs = 1e9;
        const tatUs = nowUs + Math.min(backlogUs, plan.capacityUs);
        const waitUs = gcraWaitUs(tatUs, nowUs, plan, cost);
        if (cost > burst) return waitUs === Number.POSITIVE_INFINITY;
        const later = nowUs + waitUs;
        const early = nowUs + waitUs - plan.intervalUs / 100;
        return chargeGcra(tatUs, later, plan, cost) >= 0 && (waitUs === 0 || chargeGcra(tatUs, early, plan, cost) < 0);
      },
    ),
  );
});

test('a refund restores what the charge took', () => {
  const plan = gcraPlan(10, 1000, 5);
  const nowUs = 1e6;
  const one = chargeGcra(0, nowUs, plan, 1);
  const three = chargeGcra(one, nowUs, plan, 2);
  expect(gcraRemaining(three, nowUs, plan)).toBe(2);
  expect(refundGcra(three, plan, 2)).toBe(one);
  expect(refundGcra(10, plan, 5)).toBe(0);
});

test('what is left counts whole tokens from the burst down to none', () => {
  const plan = gcraPlan(3, 1000, 4);
  let tatUs = 0;
  const seen = [gcraRemaining(tatUs, 1e6, plan)];
  for (let next = chargeGcra(tatUs, 1e6, plan, 1); next >= 0; next = chargeGcra(tatUs, 1e6, plan, 1)) {
    tatUs = next;
    seen.push(gcraRemaining(tatUs, 1e6, plan));
  }
  expect(seen).toEqual([4, 3, 2, 1, 0]);
});

test('only a TAT from a larger plan is outgrown', () => {
  const daily = gcraPlan(1, DAY_MS, 1000);
  const fast = gcraPlan(100, 1000, 20);
  const nowUs = 1e9;
  const empty = chargeGcra(0, nowUs, daily, 1000);
  expect(gcraOutgrown(empty, nowUs, daily)).toBe(false);
  expect(gcraOutgrown(empty, nowUs, fast)).toBe(true);
  expect(gcraOutgrown(chargeGcra(0, nowUs, fast, 20), nowUs - 500_000, fast)).toBe(false);
});
