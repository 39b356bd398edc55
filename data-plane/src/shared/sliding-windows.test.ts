import { type WindowPlan, windowPlan } from '@sluice/engine';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CellKey } from './cell-key.ts';
import { SlidingWindows } from './sliding-windows.ts';
import { cellKey } from './testing/cell-key.ts';
import { ModelWindow } from './testing/model-window.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { createWindowBuffers } from './window-cells.ts';

const LIMIT = 2;

function limiters(workers = 2) {
  const region = { windowCells: 2048, windows: createWindowBuffers(2048, 8) };
  const clock = new VirtualClock(1e9);
  let overflows = 0;
  const all = Array.from(
    { length: workers },
    (_, worker) => new SlidingWindows(region, worker, clock, () => overflows++),
  );
  return { all, one: all[0]!, clock, overflows: () => overflows };
}

function admittedOf(limiter: SlidingWindows, key: CellKey, plan: WindowPlan, times: number, nowUs: number): number {
  let admitted = 0;
  for (let i = 0; i < times; i++) if (limiter.charge(key, LIMIT, plan, nowUs)) admitted++;
  return admitted;
}

type Step =
  | { readonly do: 'wait'; readonly subWindows: number }
  | { readonly do: 'charge' | 'chargeAndRefund'; readonly worker: 0 | 1; readonly id: number; readonly cost: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('wait' as const),
    // Mostly so short that the charges of several sub-windows count at once.
    subWindows: fc.oneof(
      { weight: 6, arbitrary: fc.double({ min: 0, max: 1.5, noNaN: true }) },
      { weight: 6, arbitrary: fc.double({ min: 0, max: 25, noNaN: true }) },
      { weight: 2, arbitrary: fc.double({ min: 0, max: 70, noNaN: true }) },
      { weight: 1, arbitrary: fc.constant(20_000) },
    ),
  }),
  fc.record({
    do: fc.constantFrom('charge' as const, 'charge' as const, 'chargeAndRefund' as const),
    worker: fc.constantFrom(0 as const, 1 as const),
    id: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 8 }) }),
    cost: fc.integer({ min: 1, max: 4 }),
  }),
);

test('every decision equals that of a list of all charges, with all keys in one bucket of the table', () => {
  const plans = fc.record({ requests: fc.integer({ min: 1, max: 12 }), perMs: fc.constantFrom(1000, 1500, 3_600_000) });
  fc.assert(
    fc.property(plans, fc.array(step, { maxLength: 150, size: 'max' }), ({ requests, perMs }, steps) => {
      const { all, clock, overflows } = limiters();
      const plan = windowPlan(requests, perMs);
      const model = new Map<number, ModelWindow>();
      for (const action of steps) {
        if (action.do === 'wait') {
          clock.us += Math.round(action.subWindows * plan.subUs);
          continue;
        }
        const { worker, id, cost } = action;
        const limiter = all[worker]!;
        const window = model.getOrInsertComputed(id, () => new ModelWindow(plan));
        const expected = window.charge(clock.us, cost);
        const key = cellKey(5, id);
        expect(limiter.charge(key, LIMIT, plan, clock.us, cost)).toBe(expected);
        expect(limiter.remaining).toBe(requests - window.used(clock.us));
        if (!expected && cost <= requests) {
          expect(limiter.retryAfterMs).toBe(
            Math.max(1, Math.ceil((window.freeAtUs(clock.us, cost) - clock.us) / 1000)),
          );
        }
        if (expected && action.do === 'chargeAndRefund') {
          window.charges.pop();
          limiter.refund(key, LIMIT, plan, limiter.cell, clock.us, cost);
        }
      }
      expect(overflows()).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('in no stretch of the window is more admitted than it says, and at most a sixtieth of it later than could be', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(80_000), { minLength: 50, maxLength: 400 }),
      (requests, waits) => {
        const { one, clock } = limiters(1);
        const plan = windowPlan(requests, 1000);
        const admitted: number[] = [];
        for (const wait of waits) {
          clock.us += wait;
          const inWindow = admitted.filter((at) => at > clock.us - plan.perUs).length;
          const longer = admitted.filter((at) => at > clock.us - plan.perUs - plan.subUs).length;
          const passes = one.charge(cellKey(1, 1), LIMIT, plan, clock.us);
          if (passes) admitted.push(clock.us);
          expect(passes && inWindow >= requests).toBe(false);
          expect(!passes && longer < requests).toBe(false);
        }
      },
    ),
    { numRuns: 100 },
  );
});

test('a window that is steadily asked for more than it admits gives all of it but a sixtieth', () => {
  const { one, clock } = limiters(1);
  const plan = windowPlan(600, 1000);
  let admitted = 0;
  for (let i = 0; i < 60_000; i++) {
    clock.us += 500;
    if (one.charge(cellKey(1, 1), LIMIT, plan, clock.us)) admitted++;
  }
  expect(admitted).toBeLessThanOrEqual(31 * 600);
  expect(admitted).toBeGreaterThanOrEqual(30 * 600 * (60 / 61) - 10);
});

test('a charge is given back while its sub-window lasts, and kept afterwards', () => {
  const { one, clock } = limiters(1);
  const plan = windowPlan(1, 60_000);
  const key = cellKey(1, 1);
  expect(one.charge(key, LIMIT, plan, clock.us)).toBe(true);
  one.refund(key, LIMIT, plan, one.cell, clock.us);
  expect(one.charge(key, LIMIT, plan, clock.us)).toBe(true);
  const chargedUs = clock.us;
  clock.us += plan.subUs;
  expect(one.charge(key, LIMIT, plan, clock.us)).toBe(false);
  one.refund(key, LIMIT, plan, 0, clock.us);
  one.refund(key, LIMIT, plan, one.cell, chargedUs);
  clock.us += plan.perUs + plan.subUs;
  expect(one.charge(key, LIMIT, plan, clock.us)).toBe(true);
});

test('a cell is handed to another key only once nothing in it counts', () => {
  const { one, clock, overflows } = limiters(1);
  const plan = windowPlan(1, 10_000);
  for (let id = 1; id <= 8; id++) expect(one.charge(cellKey(9, id), LIMIT, plan, clock.us)).toBe(true);
  clock.us += 9_900_000;
  expect(one.charge(cellKey(9, 9), LIMIT, plan, clock.us)).toBe(true);
  expect(overflows()).toBe(1);
  for (let id = 1; id <= 8; id++) expect(one.charge(cellKey(9, id), LIMIT, plan, clock.us)).toBe(false);
  clock.us += 2_000_000;
  expect(one.charge(cellKey(9, 10), LIMIT, plan, clock.us)).toBe(true);
  expect(one.charge(cellKey(9, 9), LIMIT, plan, clock.us), 'it was admitted where all share one window').toBe(false);
  clock.us += 11_000_000;
  expect(one.charge(cellKey(9, 9), LIMIT, plan, clock.us)).toBe(true);
  expect(overflows()).toBe(1);
});

test('newcomers to a full bucket share one window of their limit, and take with them what it has counted, as it leaves', () => {
  const { one, clock, overflows } = limiters(1);
  const long = windowPlan(1, 3_600_000);
  const plan = windowPlan(3, 60_000);
  for (let id = 1; id <= 7; id++) one.charge(cellKey(9, id), 3, long, clock.us);
  one.charge(cellKey(9, 8), 3, windowPlan(1, 1000), clock.us);
  expect(one.charge(cellKey(9, 20), LIMIT, plan, clock.us)).toBe(true);
  clock.us += 1_000_000;
  expect(one.charge(cellKey(9, 21), LIMIT, plan, clock.us)).toBe(true);
  expect(one.charge(cellKey(9, 20), LIMIT, plan, clock.us)).toBe(true);
  expect(one.charge(cellKey(9, 22), LIMIT, plan, clock.us)).toBe(false);
  expect(one.charge(cellKey(9, 22), 4, plan, clock.us), 'another limit has a cell of its own').toBe(true);
  expect(overflows()).toBe(5);
  clock.us += 30_000_000;
  expect(one.charge(cellKey(9, 20), LIMIT, plan, clock.us), 'a cell of its own, and nothing left').toBe(false);
  clock.us += 30_000_000;
  expect(admittedOf(one, cellKey(9, 20), plan, 5, clock.us), 'the first of the three has left').toBe(1);
  clock.us += 1_000_000;
  expect(admittedOf(one, cellKey(9, 20), plan, 5, clock.us)).toBe(2);
  expect(overflows()).toBe(5);
});

test('a changed limit keeps its cell: what counts goes on to count, for one more window at most where its length changes', () => {
  const { one, clock } = limiters(1);
  const key = cellKey(1, 1);
  expect(admittedOf(one, key, windowPlan(3, 3_600_000), 5, clock.us)).toBe(3);
  expect(admittedOf(one, key, windowPlan(5, 3_600_000), 5, clock.us)).toBe(2);
  const fast = windowPlan(6, 1000);
  expect(admittedOf(one, key, fast, 5, clock.us)).toBe(1);
  expect(one.retryAfterMs).toBeGreaterThan(1000);
  expect(one.retryAfterMs).toBeLessThanOrEqual(1017);
  clock.us += fast.perUs + fast.subUs;
  expect(admittedOf(one, key, fast, 9, clock.us)).toBe(6);
  clock.us += 20_000 * fast.subUs;
  expect(admittedOf(one, key, fast, 9, clock.us)).toBe(6);
});

test('a stale reading of the clock forgets nothing', () => {
  const { one, clock } = limiters(1);
  const plan = windowPlan(2, 1000);
  const key = cellKey(1, 1);
  clock.us += 60_000_000;
  expect(admittedOf(one, key, plan, 3, clock.us)).toBe(2);
  expect(one.charge(key, LIMIT, plan, clock.us - 5_000)).toBe(false);
  expect(one.charge(key, LIMIT, plan, clock.us - 50_000_000)).toBe(false);
  expect(one.charge(key, LIMIT, plan, clock.us)).toBe(false);
});

test('a cost that the window never admits is refused for ever', () => {
  const { one, clock } = limiters(1);
  expect(one.charge(cellKey(1, 1), LIMIT, windowPlan(10, 1000), clock.us, 11)).toBe(false);
  expect(one.retryAfterMs).toBe(Number.POSITIVE_INFINITY);
});

test('a count past 2^32 goes on', () => {
  const { one, clock } = limiters(1);
  const plan = windowPlan(1e9, 1000);
  const key = cellKey(1, 1);
  for (let i = 0; i < 12; i++) {
    expect(one.charge(key, LIMIT, plan, clock.us, 999_999_999)).toBe(true);
    expect(admittedOf(one, key, plan, 3, clock.us)).toBe(1);
    clock.us += plan.perUs + plan.subUs;
  }
});
