/**
 * What the shared-memory decisions of one request cost, one thread, uncontended. `npx node test/bench/micro/shared.ts`.
 * Each figure is the best of five rounds, in nanoseconds a call; the clock is read once a round, as a request reads it once.
 */

import {
  attachShared,
  CellKey,
  createSharedRegion,
  keyPart,
  keyPartInto,
  methodCode,
  RouteRequests,
  SUCCESS,
} from '@sluice/data-plane/shared';
import { gcraPlan, pickLeastRequest, pickRoundRobin, roundRobin, weightedSet, windowPlan } from '@sluice/engine';

const CALLS = 2_000_000;
const ROUNDS = 5;

const region = createSharedRegion({ workers: 2 });
const rssBefore = process.memoryUsage.rss();
const shared = attachShared(region, 0);
const { limiter, slidingWindows, breakers, columns, retryBudgets, metrics, clock } = shared;
const hashKey = region.hashKey;

const key = new CellKey();
const limit = keyPart(hashKey, 'limit', 'Policy/public-api/per-consumer');
const plenty = gcraPlan(1e9, 1000, 1e9);
const wide = windowPlan(1e9, 60_000);
const narrow = windowPlan(1, 3_600_000);
const scarce = gcraPlan(1, 86_400_000, 1);
const consumers = Array.from({ length: 1000 }, (_, i) => keyPart(hashKey, 'consumer', `consumer-${i}`));
const header = { lo: 0, hi: 0 };

const breakerPolicy = { consecutiveFailures: 5, openForMs: 30_000, halfOpenRequests: 3 };
const ratePolicy = { ...breakerPolicy, errorRate: { percent: 50, windowMs: 10_000, minimumRequests: 20 } };
const route = new RouteRequests(metrics, 2);
const duration = metrics.requestDuration(2);
const even = roundRobin(weightedSet([1, 1, 1]), Math.random);
const uneven = roundRobin(weightedSet([3, 2, 1]), Math.random);
const set = weightedSet([1, 1, 1]);
const always = () => true;
const inFlight = (index: number) => columns.inFlight.total(index);
const GET = methodCode('GET');

const cases: Record<string, (i: number, nowUs: number) => void> = {
  'charge, known consumer (one of 1,000)': (i, nowUs) => {
    key.begin(limit);
    key.add(consumers[i % 1000]!);
    limiter.charge(key, 2, plenty, nowUs);
  },
  'charge a window, known consumer': (i, nowUs) => {
    key.begin(limit);
    key.add(consumers[i % 1000]!);
    slidingWindows.charge(key, 2, wide, nowUs);
  },
  'charge a window refused': (_, nowUs) => {
    key.begin(limit);
    key.add(consumers[0]!);
    slidingWindows.charge(key, 3, narrow, nowUs);
  },
  'charge refused': (_, nowUs) => {
    key.begin(limit);
    key.add(consumers[0]!);
    limiter.charge(key, 3, scarce, nowUs);
  },
  'charge and refund': (i, nowUs) => {
    key.begin(limit);
    key.add(consumers[i % 1000]!);
    limiter.charge(key, 2, plenty, nowUs);
    limiter.refund(key, 2, plenty, limiter.cell);
  },
  'hash a header value of 16 characters': () => keyPartInto(hashKey, 'header', 'tenant-000000042', header),
  'breaker admit and report': (_, nowUs) => {
    breakers.report(2, breakers.admit(2, breakerPolicy, nowUs / 1000), SUCCESS, breakerPolicy, nowUs / 1000);
  },
  'breaker with an error rate': (_, nowUs) => {
    breakers.report(3, breakers.admit(3, ratePolicy, nowUs / 1000), SUCCESS, ratePolicy, nowUs / 1000);
  },
  'in-flight up and down': () => {
    columns.inFlight.add(2, 1);
    columns.inFlight.add(2, -1);
  },
  'retry budget, count a request': (_, nowUs) => retryBudgets.countRequest(2, nowUs / 1000),
  'round robin of 3, even': () => void pickRoundRobin(even, always),
  'round robin of 3, weighted': () => void pickRoundRobin(uneven, always),
  'least request of 3': () => void pickLeastRequest(set, inFlight, always, Math.random),
  'count a request and its duration': (i) => {
    route.count(2, GET, 200);
    metrics.observe(duration, (i % 100) / 10_000);
  },
  'read the clock': () => void clock.nowUs(),
};

for (const [name, run] of Object.entries(cases)) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const nowUs = clock.nowUs();
    const start = process.hrtime.bigint();
    for (let i = 0; i < CALLS; i++) run(i, nowUs);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / CALLS);
  }
  console.log(`${name.padEnd(42)} ${best.toFixed(1).padStart(7)} ns`);
}
console.log(`resident memory before attaching ${(rssBefore / 2 ** 20).toFixed(0)} MiB`);
