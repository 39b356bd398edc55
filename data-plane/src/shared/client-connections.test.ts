import { describe, expect, test } from 'vitest';
import { CLIENT_FULL, ClientConnections } from './client-connections.ts';
import { createSharedRegion } from './region.ts';
import { ENTERED, MOST_INSIDE } from './testing/hammer.ts';
import { hammer } from './testing/hammers.ts';

function tables(workers: number): { workers: ClientConnections[]; overflowed: () => number } {
  const region = createSharedRegion({ workers, limiterCells: 2048 });
  let overflowed = 0;
  const count = () => {
    overflowed++;
  };
  return {
    workers: Array.from({ length: workers }, (_, worker) => new ClientConnections(region, worker, count)),
    overflowed: () => overflowed,
  };
}

describe('a client', () => {
  test('has up to its limit in all workers together, and again after giving back', () => {
    const { workers } = tables(3);
    const [a, b, c] = workers as [ClientConnections, ClientConnections, ClientConnections];
    const cells = [a, b, c, a].map((worker) => worker.take(7, 9, 5));
    expect(cells.every((cell) => cell >= 0)).toBe(true);
    expect(b.take(7, 9, 5)).toBeGreaterThanOrEqual(0);
    for (const worker of workers) expect(worker.take(7, 9, 5)).toBe(CLIENT_FULL);
    expect([a.total(7, 9), a.of(0, 7, 9), a.of(1, 7, 9), a.of(2, 7, 9)]).toEqual([5, 2, 2, 1]);
    a.giveBack(cells[0]!);
    expect(c.take(7, 9, 5)).toBeGreaterThanOrEqual(0);
    expect(c.take(7, 9, 5)).toBe(CLIENT_FULL);
  });

  test('counts for itself alone, also where its neighbours in the table have all they may', () => {
    const { workers } = tables(1);
    const [only] = workers as [ClientConnections];
    // The same bucket: only the low bits of the first word choose it.
    for (let client = 0; client < 8; client++) {
      expect(only.take(5 + (client << 16), client, 1)).toBeGreaterThanOrEqual(0);
      expect(only.take(5 + (client << 16), client, 1)).toBe(CLIENT_FULL);
      expect(only.take(5 + (client << 16), client + 100, 1)).toBeGreaterThanOrEqual(0);
    }
  });

  test('gets back what a worker that ended had of it', () => {
    const { workers } = tables(2);
    const [a, b] = workers as [ClientConnections, ClientConnections];
    for (let n = 0; n < 3; n++) a.take(1, 2, 4);
    b.take(1, 2, 4);
    expect(b.take(1, 2, 4)).toBe(CLIENT_FULL);
    b.releaseWorker(0);
    expect([1, 2, 3].map(() => b.take(1, 2, 4) >= 0)).toEqual([true, true, true]);
    expect(b.take(1, 2, 4)).toBe(CLIENT_FULL);
  });
});

test('of the clients of one bucket sixteen have cells; the others are one client, which is counted', () => {
  const { workers, overflowed } = tables(1);
  const [only] = workers as [ClientConnections];
  const take = (client: number) => only.take(3 + (client << 16), client, 2);
  const cells = Array.from({ length: 16 }, (_, client) => take(client));
  expect(new Set(cells).size).toBe(16);
  expect(overflowed()).toBe(0);
  const shared = take(16);
  expect([take(17), overflowed()]).toEqual([shared, 2]);
  expect(take(18)).toBe(CLIENT_FULL);
  // A cell that is free again is anyone's.
  only.giveBack(cells[4]!);
  expect(take(18)).toBe(cells[4]);
  only.giveBack(shared);
  expect(take(17)).toBe(shared);
});

test('four threads that come and go never have more than the limit, and get in', async () => {
  const region = createSharedRegion({ workers: 4, limiterCells: 2048 });
  const { signal } = await hammer(region, { name: 'connections', rounds: 50_000, limit: 3 }, 4);
  expect(signal[MOST_INSIDE]).toBeLessThanOrEqual(3);
  expect(signal[ENTERED]).toBeGreaterThan(50_000);
});
