import { expect, test } from 'vitest';
import { attachShared, releaseWorker } from './attach.ts';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS } from './columns.ts';
import { createSharedRegion } from './region.ts';
import { createSlotDirectory } from './slots.ts';

test('settings out of bounds are refused', () => {
  for (const settings of [
    { workers: 0 },
    { workers: 257 },
    { workers: 1.5 },
    { workers: 1, limiterCells: 1024 },
    { workers: 1, limiterCells: 5000 },
    { workers: 1, routes: 0 },
  ]) {
    expect(() => createSharedRegion(settings), JSON.stringify(settings)).toThrow(RangeError);
  }
});

test('a region for 16 workers costs next to nothing until it is used', () => {
  const before = process.memoryUsage.rss();
  const region = createSharedRegion({ workers: 16 });
  attachShared(region);
  for (let worker = 0; worker < 16; worker++) attachShared(region, worker);
  expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(16);
});

test('gauges add up over workers, and what a dead worker had is given back', () => {
  const region = createSharedRegion({ workers: 2 });
  const main = attachShared(region);
  const directory = createSlotDirectory(region);
  const endpoint = directory.endpoints.assign('users/10.0.0.1:80');
  const service = directory.services.assign('users');
  for (const worker of [0, 1]) {
    const { columns } = attachShared(region, worker);
    columns.inFlight.add(endpoint, 1);
    columns.inFlight.add(endpoint, 1);
    columns.inFlight.add(endpoint, -1);
    columns.connections.add(endpoint, 1);
    columns.pending.add(service, 1);
    columns.waiting.add(endpoint, 1);
    columns.requests.add(service, 1);
    columns.process.add(ACTIVE_CONNECTIONS, 1);
    columns.process.add(ACTIVE_REQUESTS, 1);
  }
  const totals = () => [
    main.columns.inFlight.total(endpoint),
    main.columns.connections.total(endpoint),
    main.columns.pending.total(service),
    main.columns.waiting.total(endpoint),
    main.columns.requests.total(service),
    main.columns.process.total(ACTIVE_CONNECTIONS),
    main.columns.process.total(ACTIVE_REQUESTS),
  ];
  expect(totals()).toEqual([2, 2, 2, 2, 2, 2, 2]);
  releaseWorker(main, directory, 0);
  expect(totals()).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(attachShared(region, 1).columns.inFlight.own(endpoint)).toBe(1);
  releaseWorker(main, directory, 1);
  expect(totals()).toEqual([0, 0, 0, 0, 0, 0, 0]);
});

test('control words reach the other threads: generation, draining, state, heartbeat', () => {
  const region = createSharedRegion({ workers: 2 });
  const main = attachShared(region).control;
  const worker = attachShared(region, 1).control;
  main.begin(1, 5);
  expect([worker.workerState(1), worker.workerState(0), worker.lastBeatMs(1), worker.incarnation(1)]).toEqual([
    'starting',
    'absent',
    5,
    1,
  ]);
  main.activate(7);
  worker.setWorkerGeneration(1, worker.activeGeneration());
  worker.setWorkerState(1, 'ready');
  worker.beat(1, 123.5);
  main.drain();
  expect([main.workerGeneration(1), main.workerState(1), main.lastBeatMs(1)]).toEqual([7, 'ready', 123.5]);
  expect([worker.draining(), main.workerGeneration(0), main.lastBeatMs(0)]).toEqual([true, 0, 0]);
});

test('endpoints are healthy until the main thread says otherwise', () => {
  const region = createSharedRegion({ workers: 1 });
  const main = attachShared(region).endpointHealth;
  const worker = attachShared(region, 0).endpointHealth;
  expect(worker.isHealthy(9)).toBe(true);
  main.setHealthy(9, false);
  expect([worker.isHealthy(9), worker.isHealthy(8)]).toEqual([false, true]);
  main.setHealthy(9, true);
  expect(worker.isHealthy(9)).toBe(true);
  expect(worker.changes()).toBe(2);
  main.setHealthy(9, true);
  expect(worker.changes()).toBe(2);
  expect(worker.sinceMs(8)).toBe(0);
});

test('the clock of the region goes on evenly from its origin', () => {
  const region = createSharedRegion({ workers: 1 });
  const { clock } = attachShared(region);
  const expected = Number(process.hrtime.bigint() - region.originNs) / 1000;
  const nowUs = clock.nowUs();
  expect(nowUs).toBeGreaterThanOrEqual(expected);
  expect(nowUs - expected).toBeLessThan(100_000);
  expect(clock.nowMs() * 1000).toBeGreaterThanOrEqual(nowUs);
});
