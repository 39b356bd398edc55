import { expect, test } from 'vitest';
import { CellKey } from './cell-key.ts';
import type { Clock } from './clock.ts';
import {
  ANSWERED,
  AWAY,
  createLeaseBuffers,
  LEASE_ADMITTED,
  LEASE_AWAY,
  LEASE_CELLS,
  LEASE_PENDING,
  LEASE_REFUSED,
  LeaseCells,
} from './lease-cells.ts';

const LIMIT = 2;

class VirtualClock implements Clock {
  ms = 5000;
  nowUs = () => this.ms * 1000;
  nowMs = () => this.ms;
}

/** Two workers and the main thread. */
function setUp() {
  const region = { leases: createLeaseBuffers(8) };
  const clock = new VirtualClock();
  const called: number[] = [];
  let overflows = 0;
  const [first, second, main] = [0, 1, 2].map(
    (writer) =>
      new LeaseCells(
        region,
        writer,
        clock,
        (cell) => called.push(cell),
        () => overflows++,
      ),
  ) as [LeaseCells, LeaseCells, LeaseCells];
  return { first, second, main, clock, called, overflows: () => overflows };
}

function cellKey(bucket: number, id: number): CellKey {
  const key = new CellKey();
  key.lo = (id << 12) | bucket;
  key.hi = Math.imul(id, 0x9e3779b9);
  return key;
}

test('a bucket nobody has leased of is asked for once; its tokens are spent by all workers, to the last and not after their time', () => {
  const { first, second, main, clock, called } = setUp();
  const key = cellKey(1, 1);
  expect([first.charge(key, LIMIT, 2), first.unknown]).toEqual([LEASE_PENDING, true]);
  const { cell } = first;
  expect(second.charge(key, LIMIT, 3)).toBe(LEASE_PENDING);
  expect(second.cell).toBe(cell);
  expect(called).toEqual([cell]);
  expect(main.takeDemand(cell)).toBe(5);

  main.know(cell);
  main.fill(cell, 5, clock.ms + 100);
  main.answer(cell, ANSWERED, clock.ms, 7, 1);
  expect([first.charge(key, LIMIT, 2), first.remaining]).toEqual([LEASE_ADMITTED, 10]);
  expect(called, 'more than one is left').toEqual([cell]);
  expect(second.charge(key, LIMIT, 2)).toBe(LEASE_ADMITTED);
  expect(called, 'ahead of need').toEqual([cell, cell]);
  expect([first.charge(key, LIMIT, 2), first.unknown]).toEqual([LEASE_PENDING, false]);
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_ADMITTED);
  expect(main.tokens(cell)).toBe(0);

  main.fill(cell, 3, clock.ms + 100);
  clock.ms += 100;
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_PENDING);
  expect(main.empty(cell)).toBe(3);
});

test('what the main thread said holds for its time: that there is nothing, or that nobody can tell', () => {
  const { first, main, clock } = setUp();
  const key = cellKey(1, 1);
  first.charge(key, LIMIT, 1);
  const { cell } = first;
  main.answer(cell, ANSWERED, clock.ms + 40, 0, 0);
  expect([first.charge(key, LIMIT, 1), first.retryAfterMs]).toEqual([LEASE_REFUSED, 40]);
  clock.ms += 40;
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_PENDING);
  main.answer(cell, AWAY, clock.ms + 10, 0, 0);
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_AWAY);
  main.fill(cell, 1, clock.ms + 10);
  expect(first.charge(key, LIMIT, 1), 'what is there may be spent all the same').toBe(LEASE_ADMITTED);
});

test('a worker that was stopped before the swap spends nothing of a lease that ended meanwhile', () => {
  const { first, main, clock } = setUp();
  const key = cellKey(1, 1);
  first.charge(key, LIMIT, 1);
  main.fill(first.cell, 1, clock.ms + 10);
  let reads = 0;
  clock.nowMs = () => (++reads === 1 ? 5000 : 6000);
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_PENDING);
  expect(main.tokens(first.cell)).toBe(0);
});

test('a cell goes to another key once the main thread gave it up; past the last, all share one cell of their limit', () => {
  const { first, main, clock, overflows } = setUp();
  const cells = Array.from({ length: 8 }, (_, i) => {
    first.charge(cellKey(3, i + 1), LIMIT, 1);
    return first.cell;
  });
  expect(first.charge(cellKey(3, 9), LIMIT, 1)).toBe(LEASE_PENDING);
  expect([first.cell, overflows()]).toEqual([LEASE_CELLS + LIMIT, 1]);
  main.fill(LEASE_CELLS + LIMIT, 1, clock.ms + 10);
  expect(first.charge(cellKey(3, 10), LIMIT, 1)).toBe(LEASE_ADMITTED);

  expect(main.free(cells[0]!), 'somebody waits for it').toBe(false);
  main.takeDemand(cells[0]!);
  main.fill(cells[0]!, 1, clock.ms + 10);
  expect(main.free(cells[0]!), 'it has tokens').toBe(false);
  main.empty(cells[0]!);
  expect(main.free(cells[0]!)).toBe(true);
  expect(main.isLive(cells[0]!, cellKey(3, 1).lo, cellKey(3, 1).hi)).toBe(false);
  first.charge(cellKey(3, 11), LIMIT, 1);
  expect([first.cell, first.unknown]).toEqual([cells[0], true]);
});

test('what is given back is for the main thread to return', () => {
  const { first, main, clock } = setUp();
  const key = cellKey(1, 1);
  first.charge(key, LIMIT, 1);
  main.fill(first.cell, 4, clock.ms + 10);
  first.charge(key, LIMIT, 3);
  first.refund(key, first.cell, 3);
  first.refund(cellKey(1, 2), first.cell, 3);
  expect([main.tokens(first.cell), main.takeRefunds(first.cell), main.takeRefunds(first.cell)]).toEqual([1, 3, 0]);
});

test('the end of a lease is told apart from now also where its bits come round', () => {
  const { first, main, clock } = setUp();
  const key = cellKey(1, 1);
  clock.ms = 2 ** 30 - 50;
  first.charge(key, LIMIT, 1);
  main.fill(first.cell, 2, clock.ms + 100);
  clock.ms += 90;
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_ADMITTED);
  clock.ms += 10;
  expect(first.charge(key, LIMIT, 1)).toBe(LEASE_PENDING);
});
