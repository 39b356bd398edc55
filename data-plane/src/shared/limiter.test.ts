import { gcraPlan } from '@sluice/engine';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Limiter } from './limiter.ts';
import { cellKey } from './testing/cell-key.ts';
import { ModelBucket } from './testing/model-bucket.ts';
import { VirtualClock } from './testing/virtual-clock.ts';

const DAY_MS = 86_400_000;
const LIMIT = 2;

function limiters(workers = 2) {
  const buffer = (words: number) => new SharedArrayBuffer(words * 8);
  const region = {
    limiterKeys: buffer(2048),
    limiterTats: buffer(2048),
    limiterDebts: buffer(2048),
    limiterOverflow: buffer(8),
  };
  const clock = new VirtualClock();
  let overflows = 0;
  const all = Array.from({ length: workers }, (_, worker) => new Limiter(region, worker, clock, () => overflows++));
  return { all, clock, overflows: () => overflows, region };
}

test('one request a day with a burst of 1,000: exactly 1,000 of 20,000 over two workers', () => {
  const { all, clock } = limiters();
  const plan = gcraPlan(1, DAY_MS, 1000);
  const key = cellKey(3, 1);
  let admitted = 0;
  for (let i = 0; i < 20_000; i++) {
    clock.us += 7;
    if (all[i % 2]!.charge(key, LIMIT, plan, clock.us)) admitted++;
  }
  expect(admitted).toBe(1000);
  expect(all[1]!.retryAfterMs).toBeGreaterThan(DAY_MS - 1000);
  expect(all[1]!.remaining).toBe(0);
});

type Step =
  | { readonly do: 'wait'; readonly us: number }
  | { readonly do: 'charge' | 'chargeAndRefund'; readonly worker: 0 | 1; readonly id: number; readonly cost: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), us: fc.oneof(fc.nat(50), fc.nat(20_000)) }),
  fc.record({
    do: fc.constantFrom('charge' as const, 'charge' as const, 'chargeAndRefund' as const),
    worker: fc.constantFrom(0 as const, 1 as const),
    id: fc.integer({ min: 1, max: 8 }),
    cost: fc.integer({ min: 1, max: 4 }),
  }),
);

test('every decision equals that of a plain token bucket per key, with all keys in one bucket of the table', () => {
  const plans = fc.record({ intervalUs: fc.constantFrom(1, 100, 900), burst: fc.integer({ min: 1, max: 12 }) });
  fc.assert(
    fc.property(plans, fc.array(step, { maxLength: 150, size: 'max' }), ({ intervalUs, burst }, steps) => {
      const { all, clock, overflows } = limiters();
      const plan = gcraPlan(1, intervalUs / 1000, burst);
      const model = new Map<number, ModelBucket>();
      for (const action of steps) {
        if (action.do === 'wait') {
          clock.us += action.us;
          continue;
        }
        const { worker, id, cost } = action;
        const limiter = all[worker]!;
        const bucket = model.getOrInsertComputed(id, () => new ModelBucket(intervalUs, burst, clock.us));
        const expected = bucket.charge(clock.us, cost);
        const key = cellKey(5, id);
        expect(limiter.charge(key, LIMIT, plan, clock.us, cost)).toBe(expected);
        expect(limiter.remaining).toBe(bucket.remaining());
        if (!expected && cost <= burst) {
          const freeAtUs = clock.us + limiter.retryAfterMs * 1000;
          expect(freeAtUs).toBeGreaterThanOrEqual(clock.us + cost * intervalUs - bucket.tokens - 0.01);
        }
        if (expected && action.do === 'chargeAndRefund') {
          bucket.refund(clock.us, cost);
          limiter.refund(key, LIMIT, plan, limiter.cell, cost);
        }
      }
      expect(overflows()).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('a cell is handed to another key only once it has run full', () => {
  const { all, clock, overflows } = limiters(1);
  const limiter = all[0]!;
  const plan = gcraPlan(1, 1000, 1);
  for (let id = 1; id <= 8; id++) expect(limiter.charge(cellKey(9, id), LIMIT, plan, clock.us)).toBe(true);
  const first = limiter.cell - 7;
  clock.us += 999_000;
  expect(limiter.charge(cellKey(9, 9), LIMIT, plan, clock.us)).toBe(true);
  expect(overflows()).toBe(1);
  for (let id = 1; id <= 8; id++) expect(limiter.charge(cellKey(9, id), LIMIT, plan, clock.us)).toBe(false);
  clock.us += 1_000_002;
  expect(limiter.charge(cellKey(9, 10), LIMIT, plan, clock.us)).toBe(true);
  expect(limiter.cell).toBe(first);
  expect(limiter.charge(cellKey(9, 10), LIMIT, plan, clock.us)).toBe(false);
});

test('a full bucket sends newcomers to one overflow cell of their limit, and what moved there is not forgotten when a cell is free', () => {
  const { all, clock, overflows } = limiters(1);
  const limiter = all[0]!;
  const long = gcraPlan(1, DAY_MS, 2);
  const plan = gcraPlan(1, 10_000, 2);
  for (let id = 1; id <= 7; id++) limiter.charge(cellKey(9, id), 3, long, clock.us);
  limiter.charge(cellKey(9, 8), 3, gcraPlan(1, 1000, 2), clock.us);
  expect(limiter.charge(cellKey(9, 20), LIMIT, plan, clock.us)).toBe(true);
  expect(limiter.charge(cellKey(9, 21), LIMIT, plan, clock.us)).toBe(true);
  expect(limiter.charge(cellKey(9, 20), LIMIT, plan, clock.us)).toBe(false);
  expect(limiter.charge(cellKey(9, 22), 4, plan, clock.us), 'another limit has a cell of its own').toBe(true);
  expect(overflows()).toBe(4);
  clock.us += 1_100_000;
  const admitted = [1, 2].map(() => limiter.charge(cellKey(9, 20), LIMIT, plan, clock.us));
  expect(admitted, 'it now has a cell, and in it what was left after its charge').toEqual([true, false]);
  expect(overflows()).toBe(4);
  clock.us += 10_000_000;
  expect(limiter.charge(cellKey(9, 20), LIMIT, plan, clock.us)).toBe(true);
});

test('a changed limit keeps its cell: what was used stays used, but never counts for more than an empty bucket', () => {
  const { all, clock } = limiters(1);
  const limiter = all[0]!;
  const key = cellKey(1, 1);
  const daily = gcraPlan(1, DAY_MS, 1000);
  for (let i = 0; i < 1000; i++) limiter.charge(key, LIMIT, daily, clock.us);
  const fast = gcraPlan(10, 1000, 5);
  expect(limiter.charge(key, LIMIT, fast, clock.us)).toBe(false);
  expect(limiter.retryAfterMs).toBe(100);
  clock.us += 250_000;
  const admitted = Array.from({ length: 5 }, () => limiter.charge(key, LIMIT, fast, clock.us));
  expect(admitted).toEqual([true, true, false, false, false]);
});

test('a stale reading of the clock does not lower a limit in force', () => {
  const { all, clock } = limiters(1);
  const limiter = all[0]!;
  const key = cellKey(1, 1);
  const plan = gcraPlan(1, 100, 5);
  clock.us += 60_000_000;
  for (let i = 0; i < 5; i++) limiter.charge(key, LIMIT, plan, clock.us);
  expect(limiter.charge(key, LIMIT, plan, clock.us - 30_000_000)).toBe(false);
  expect(limiter.charge(key, LIMIT, plan, clock.us)).toBe(false);
});

test('a cost that no bucket of this size can hold is refused for ever', () => {
  const { all, clock } = limiters(1);
  expect(all[0]!.charge(cellKey(1, 1), LIMIT, gcraPlan(10, 1000), clock.us, 11)).toBe(false);
  expect(all[0]!.retryAfterMs).toBe(Number.POSITIVE_INFINITY);
});

test('a claim whose worker died in it is taken over when no other cell is free, or by its own key', () => {
  const { all, clock, region, overflows } = limiters(1);
  const limiter = all[0]!;
  const tats = new BigInt64Array(region.limiterTats);
  const bucket = 9;
  const dead = BigInt.asIntN(64, 0x80100000_00000001n);
  const plan = gcraPlan(1, 1000, 3);
  const cells = Array.from({ length: 8 }, (_, i) => bucket * 8 + i);
  for (const cell of cells.slice(0, 7)) tats[cell] = dead;
  const taken = Array.from({ length: 8 }, (_, i) => {
    expect(limiter.charge(cellKey(bucket, i + 1), LIMIT, plan, clock.us)).toBe(true);
    return limiter.cell;
  });
  expect(taken).toEqual([cells[7], ...cells.slice(0, 7)]);
  expect(overflows()).toBe(0);
  tats[cells[2]!] = dead;
  expect(limiter.charge(cellKey(bucket, 4), LIMIT, plan, clock.us)).toBe(true);
  expect(limiter.cell).toBe(cells[2]);
});

test('peek changes nothing, and cells in use are those short of a full bucket', () => {
  const { all, clock } = limiters(1);
  const limiter = all[0]!;
  const plan = gcraPlan(1, 1000, 3);
  const key = cellKey(4, 1);
  expect(limiter.peek(key, plan, clock.us)).toBe(false);
  expect([limiter.remaining, limiter.resetMs]).toEqual([3, 0]);
  expect(limiter.table.inUse(clock.us)).toBe(0);
  limiter.charge(key, LIMIT, plan, clock.us);
  expect(limiter.peek(key, plan, clock.us)).toBe(true);
  expect([limiter.remaining, limiter.resetMs]).toEqual([2, 1000]);
  expect(limiter.table.inUse(clock.us)).toBe(1);
  expect(limiter.table.inUse(clock.us + 1_000_002)).toBe(0);
});

test.each([3, 7, 60])(
  'with %d a minute, who waits as long as is said is admitted, and nobody is told a second more',
  (requests) => {
    const { all, clock } = limiters(1);
    const limiter = all[0]!;
    const key = cellKey(1, 1);
    const plan = gcraPlan(requests, 60_000, requests);
    const waits = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      let admitted = 0;
      while (limiter.charge(key, LIMIT, plan, clock.us)) admitted++;
      expect(admitted).toBeLessThanOrEqual(requests);
      waits.add(limiter.retryAfterMs);
      clock.us += limiter.retryAfterMs * 1000;
      expect(limiter.charge(key, LIMIT, plan, clock.us)).toBe(true);
    }
    expect(Math.max(...waits)).toBe(Math.ceil(60_000 / requests));
  },
);
