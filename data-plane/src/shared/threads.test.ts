import type { Worker } from 'node:worker_threads';
import { CLOSED } from '@sluice/engine';
import { expect, test } from 'vitest';
import { attachShared, releaseWorker } from './attach.ts';
import { SUCCESS } from './breakers.ts';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS } from './columns.ts';
import { createSharedRegion } from './region.ts';
import { createSlotDirectory } from './slots.ts';
import { ADMITTED, IN_OVERFLOW, PROBED, READY, ROUND_SPAN, STOP, TROUBLED, troubledPolicy } from './testing/hammer.ts';
import { createHammers, ended, hammer, waitFor } from './testing/hammers.ts';

const THREADS = 4;

test('four threads on one key, one request a day and a burst of 1,000: exactly 1,000 of 200,000', async () => {
  const region = createSharedRegion({ workers: THREADS });
  const { signal } = await hammer(region, { name: 'oneKey', charges: 50_000 }, THREADS);
  expect(signal[ADMITTED]).toBe(1000);
});

test('a key that all threads see for the first time at once gets one cell', async () => {
  const rounds = 8000;
  const burstKeys = 5;
  // Twenty times as many cells as keys, so that no bucket of eight gets too many.
  const [limiterCells, buckets] = [1 << 20, 1 << 17];
  const task = { name: 'rounds', roundUs: 100, rounds, buckets, intervalMs: 86_400_000, burstKeys } as const;
  const { admitted, spoiled } = await hammer(
    createSharedRegion({ workers: THREADS, limiterCells }),
    task,
    THREADS,
    rounds * burstKeys * ROUND_SPAN,
  );
  const tried = [...admitted].filter((count, number) => count > 0 && spoiled[number] === 0);
  expect(tried.length).toBeGreaterThan(rounds);
  expect(tried.filter((count) => count !== 1)).toEqual([]);
});

test('cells that change hands all the time never lose a charge', async () => {
  await chargeEachKeyOnce(150);
});

test('keys that come to a cell from the overflow cell owe what they owed there', async () => {
  expect(await chargeEachKeyOnce(40)).toBeGreaterThan(0);
});

/** Sixteen cells, for keys of which there is a new one each `roundUs`. Gives how many charges the overflow cell admitted. */
async function chargeEachKeyOnce(roundUs: number): Promise<number> {
  const rounds = 8000;
  const task = { name: 'rounds', roundUs, rounds, buckets: 2, intervalMs: 1, burstKeys: 1 } as const;
  const region = createSharedRegion({ workers: THREADS, limiterCells: 2048 });
  const { admitted, spoiled, signal } = await hammer(region, task, THREADS, rounds * ROUND_SPAN);
  const tried = [...admitted].filter((count, number) => count > 0 && spoiled[number] === 0);
  expect(tried.length).toBeGreaterThan(rounds / 4);
  expect(tried.filter((count) => count !== 1)).toEqual([]);
  return signal[IN_OVERFLOW]!;
}

test('keys past the capacity share the overflow cell, and no limit in force is reset', async () => {
  const keys = 20_000;
  const burst = 3;
  const region = createSharedRegion({ workers: THREADS, limiterCells: 2048 });
  const task = { name: 'flood', keys, times: 6, burst } as const;
  const { admitted, spoiled } = await hammer(region, task, THREADS, keys);
  const inCells = [...admitted].map((count, key) => count - spoiled[key]!);
  expect(inCells.filter((count) => count !== 0 && count !== burst)).toEqual([]);
  expect(inCells.filter((count) => count === burst)).toHaveLength(2048);
  expect(spoiled.reduce((sum, count) => sum + count, 0)).toBe(burst);
});

test('workers killed at any moment give back all they held, and the breaker still closes', async () => {
  const kills = 50;
  const region = createSharedRegion({ workers: THREADS, limiterCells: 2048 });
  const main = attachShared(region);
  const directory = createSlotDirectory(region);
  expect([directory.endpoints.assign('e'), directory.services.assign('s')]).toEqual([TROUBLED, TROUBLED]);
  const hammers = createHammers(region, { name: 'trouble' });
  const threads: Worker[] = Array.from({ length: THREADS }, (_, worker) => hammers.start(worker));
  await hammers.go(THREADS);
  let heldWhenKilled = 0;
  for (let killed = 0; killed < kills; killed += 2) {
    const probed = Atomics.load(hammers.signal, PROBED);
    await waitFor(() => Atomics.load(hammers.signal, READY) >= THREADS + killed);
    await waitFor(() => Atomics.load(hammers.signal, PROBED) > probed);
    const pair = killed % THREADS === 0 ? [0, 1] : [2, 3];
    await Promise.all(pair.map((worker) => threads[worker]!.terminate()));
    for (const worker of pair) {
      heldWhenKilled += attachShared(region, worker).columns.inFlight.own(TROUBLED);
      releaseWorker(main, directory, worker);
      threads[worker] = hammers.start(worker);
    }
  }
  await waitFor(() => Atomics.load(hammers.signal, READY) >= THREADS + kills);
  Atomics.store(hammers.signal, STOP, 1);
  await Promise.all(threads.map(ended));

  const { columns, breakers, clock } = main;
  expect(heldWhenKilled).toBeGreaterThan(kills);
  expect({
    inFlight: columns.inFlight.total(TROUBLED),
    connections: columns.connections.total(TROUBLED),
    pending: columns.pending.total(TROUBLED),
    activeConnections: columns.process.total(ACTIVE_CONNECTIONS),
    activeRequests: columns.process.total(ACTIVE_REQUESTS),
    probes: breakers.view(TROUBLED, clock.nowMs()).probesInFlight,
  }).toEqual({ inFlight: 0, connections: 0, pending: 0, activeConnections: 0, activeRequests: 0, probes: 0 });

  await waitFor(() => breakers.view(TROUBLED, clock.nowMs()).opensInMs === 0);
  for (let i = 0; i < troubledPolicy.halfOpenRequests; i++) {
    const nowMs = clock.nowMs();
    breakers.report(TROUBLED, breakers.admit(TROUBLED, troubledPolicy, nowMs), SUCCESS, troubledPolicy, nowMs);
  }
  expect(breakers.view(TROUBLED, clock.nowMs()).state).toBe(CLOSED);
}, 180_000);
