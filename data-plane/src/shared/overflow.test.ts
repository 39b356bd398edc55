/** What happens to keys that find no cell: they share their limit's overflow cell, take with them what they owe, and nobody else pays. */
import { gcraPlan, subWindowLeavesUs, windowPlan } from '@sluice/engine';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CellKey, keyPart } from './cell-key.ts';
import { Limiter } from './limiter.ts';
import { OverflowDebts } from './overflow-debts.ts';
import { SlidingWindows } from './sliding-windows.ts';
import { cellKey } from './testing/cell-key.ts';
import { ModelBucket } from './testing/model-bucket.ts';
import { ModelWindow } from './testing/model-window.ts';
import { VirtualClock } from './testing/virtual-clock.ts';
import { createWindowBuffers } from './window-cells.ts';

const LIMIT = 2;
const CELLS_OF_A_BUCKET = 8;
const HOUR_MS = 3_600_000;
const MINUTE_US = 60_000_000;

/** One of the two algorithms in two workers, and the model of a key of its own. */
interface Subject {
  readonly clock: VirtualClock;
  /** Decides now. */
  charge(worker: 0 | 1, key: CellKey, cost?: number): boolean;
  /** Gives back what `worker` admitted last. */
  refund(worker: 0 | 1, key: CellKey, cost: number): void;
  /** Of what `worker` admitted last. */
  isOverflow(worker: 0 | 1): boolean;
  /** Until when a charge that the overflow cell admitted now may count. */
  owedUntilUs(worker: 0 | 1): number;
  /** Until when a cell that began with what its key owed, and that `worker` just decided on, may be behind because of that. */
  behindUntilUs(worker: 0 | 1): number;
  model(): Model;
  /** Called between finding no cell and charging the overflow cell. */
  onOverflow: () => void;
}

interface Model {
  charge(nowUs: number, cost: number): boolean;
  refund(nowUs: number, cost: number): void;
}

function tokenBucket(requests: number, perMs: number, burst: number): Subject {
  const buffer = (words: number) => new SharedArrayBuffer(words * 8);
  const region = {
    limiterKeys: buffer(2048),
    limiterTats: buffer(2048),
    limiterDebts: buffer(2048),
    limiterOverflow: buffer(8),
  };
  const clock = new VirtualClock();
  const plan = gcraPlan(requests, perMs, burst);
  const onOverflow = () => subject.onOverflow();
  const all = [0, 1].map((worker) => new Limiter(region, worker, clock, onOverflow)) as [Limiter, Limiter];
  const subject: Subject = {
    clock,
    charge: (worker, key, cost) => all[worker].charge(key, LIMIT, plan, clock.us, cost),
    refund: (worker, key, cost) => all[worker].refund(key, LIMIT, plan, all[worker].cell, cost),
    isOverflow: (worker) => all[worker].cell < 0,
    owedUntilUs: (worker) => clock.us + all[worker].resetMs * 1000,
    behindUntilUs: (worker) => clock.us + all[worker].resetMs * 1000,
    model: () => new ModelBucket(plan.intervalUs, burst, clock.us),
    onOverflow: () => {},
  };
  return subject;
}

function slidingWindow(requests: number, perMs: number): Subject {
  const region = { windowCells: 2048, windows: createWindowBuffers(2048, 8) };
  const clock = new VirtualClock(1e9);
  const plan = windowPlan(requests, perMs);
  const onOverflow = () => subject.onOverflow();
  const all = [0, 1].map((worker) => new SlidingWindows(region, worker, clock, onOverflow)) as [
    SlidingWindows,
    SlidingWindows,
  ];
  const subject: Subject = {
    clock,
    charge: (worker, key, cost) => all[worker].charge(key, LIMIT, plan, clock.us, cost),
    refund: (worker, key, cost) => all[worker].refund(key, LIMIT, plan, all[worker].cell, clock.us, cost),
    isOverflow: (worker) => all[worker].cell < 0,
    owedUntilUs: (worker) => subWindowLeavesUs(all[worker].bookedIn + 1, plan),
    behindUntilUs: () => 0,
    model: () => {
      const window = new ModelWindow(plan);
      return { charge: (nowUs, cost) => window.charge(nowUs, cost), refund: () => window.charges.pop() };
    },
    onOverflow: () => {},
  };
  return subject;
}

/** Times are in intervals of the bucket, or sub-windows of the window. */
const algorithms = [
  {
    name: 'tokenBucket',
    make: (burst: number) => tokenBucket(1, 0.1, burst),
    threeAnHour: () => tokenBucket(3, HOUR_MS, 3),
    unitUs: 100,
    // Two tokens are back.
    lapse: { most: 1.7, rest: 0.4 },
  },
  {
    name: 'slidingWindow',
    make: (requests: number) => slidingWindow(requests, 6000),
    threeAnHour: () => slidingWindow(3, HOUR_MS),
    unitUs: 100_000,
    // All has left, and so has the second in which it did.
    lapse: { most: 50, rest: 21 },
  },
] as const;

type Step =
  | { readonly do: 'wait'; readonly units: number }
  | { readonly do: 'charge' | 'chargeAndRefund'; readonly worker: 0 | 1; readonly id: number; readonly cost: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      // Mostly so short that cells lapse while what the overflow cell admitted is still owed.
      units: fc.oneof(
        { weight: 20, arbitrary: fc.integer({ min: 0, max: 2 }) },
        { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
        { weight: 1, arbitrary: fc.constant(70) },
      ),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('charge' as const, 'charge' as const, 'charge' as const, 'chargeAndRefund' as const),
      worker: fc.constantFrom(0 as const, 1 as const),
      id: fc.integer({ min: 1, max: 16 }),
      cost: fc.integer({ min: 1, max: 2 }),
    }),
  },
);

describe.each(algorithms)('$name', ({ make, threeAnHour, unitUs, lapse }) => {
  test('sixteen keys in eight cells: none is ever admitted more than alone, and one that owes nothing is never refused more', () => {
    let [refused, moved] = [0, 0];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { minLength: 20, maxLength: 300, size: 'max' }),
        (size, steps) => {
          const subject = make(size);
          const { clock } = subject;
          let overflows = 0;
          subject.onOverflow = () => overflows++;
          const models = new Map<number, Model>();
          const owed = new Map<number, number>();
          for (const action of steps) {
            if (action.do === 'wait') {
              clock.us += action.units * unitUs;
              continue;
            }
            const { worker, id, cost } = action;
            const model = models.getOrInsertComputed(id, subject.model);
            const before = overflows;
            const admitted = subject.charge(worker, cellKey(5, id), cost);
            const owes = (owed.get(id) ?? 0) > clock.us;
            if (overflows > before) {
              if (admitted) owed.set(id, Math.max(owed.get(id) ?? 0, subject.owedUntilUs(worker)));
            } else if (owes) {
              moved++;
              owed.set(id, Math.max(owed.get(id)!, subject.behindUntilUs(worker)));
            } else if (!admitted) {
              refused++;
              expect(model.charge(clock.us, cost), 'refused, and would not have been alone').toBe(false);
            }
            if (!admitted) continue;
            expect(model.charge(clock.us, cost), 'admitted, and would not have been alone').toBe(true);
            if (action.do === 'charge') continue;
            subject.refund(worker, cellKey(5, id), cost);
            model.refund(clock.us, cost);
          }
        },
      ),
      { numRuns: 200 },
    );
    expect(Math.min(refused, moved), 'it was tried').toBeGreaterThan(0);
  });

  test('a key whose cell another worker makes while it is charged in the overflow cell is charged once, in its own', () => {
    const subject = make(3);
    const { clock } = subject;
    for (let id = 1; id <= CELLS_OF_A_BUCKET; id++) subject.charge(0, cellKey(5, id), 2);
    clock.us += lapse.most * unitUs;
    const admitted: boolean[] = [];
    subject.onOverflow = () => {
      clock.us += lapse.rest * unitUs;
      admitted.push(subject.charge(1, cellKey(5, 20)));
    };
    admitted.push(subject.charge(0, cellKey(5, 20)));
    expect(subject.isOverflow(0)).toBe(false);
    for (let i = 0; i < 2; i++) admitted.push(subject.charge(0, cellKey(5, 20)));
    expect(admitted).toEqual([true, true, true, false]);
  });

  test('once a flood of clients has passed, newcomers have all that the limit says, but those whom the overflow cell admitted', () => {
    const subject = threeAnHour();
    const { clock } = subject;
    const limit = keyPart([1, 2], 'limit', 'Policy/p/l');
    const key = new CellKey();
    const admits = (client: string): boolean => {
      key.begin(limit);
      key.add(keyPart([1, 2], 'clientIp', client));
      return subject.charge(0, key);
    };
    for (let i = 0; i < 20_000; i++) admits(`flood ${i}`);
    // The table stays full for an hour. Who comes meanwhile is refused, or is one of the few that all of them together are admitted.
    const late: string[] = [];
    for (let minute = 0; minute < 55; minute++) {
      clock.us += MINUTE_US;
      for (let i = 0; i < 20; i++) {
        const client = `newcomer ${minute} ${i}`;
        if (admits(client) && subject.isOverflow(0)) late.push(client);
      }
    }
    clock.us += 7 * MINUTE_US;
    // Room for them all: an hour has gone since the flood.
    const newcomers = Array.from({ length: 300 }, (_, i) => [1, 2, 3, 4].map(() => admits(`later ${i}`)));
    expect(newcomers.filter((each) => each.join() !== 'true,true,true,false')).toEqual([]);
    const last = late.at(-1);
    if (last !== undefined) expect([1, 2, 3].filter(() => admits(last)).length).toBeLessThan(3);
    const again = Array.from({ length: 20 }, (_, i) => admits(`newcomer 54 ${i}`));
    expect(again.filter((admitted) => admitted).length).toBeGreaterThan(15);
  });
});

test('keys whose numbers meet are taken for one, and what is owed only grows', () => {
  const debts = new OverflowDebts(new SharedArrayBuffer(16 * 8));
  expect(debts.until(5)).toBe(0);
  debts.note(5, 1000.5);
  debts.note(5 - 16, 900);
  debts.note(6, 1e15);
  expect([5, 5 + 16, -11, 6, 7].map((hi) => debts.until(hi))).toEqual([1000.5, 1000.5, 1000.5, 1e15, 0]);
});
