/** The protocol of leases between a node and Redis. */
import { setTimeout as pause } from 'node:timers/promises';
import { LEASE_MS, type LeasedBucket, type LeaseReport, RedisLeases } from '@sluice/data-plane/leases';
import { createLog } from '@sluice/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { needRedis, type Redis, startRedis } from '../harness/redis.ts';
import { waitFor } from '../harness/wait-for.ts';

const NONE: LeaseReport = { lease: '', spent: 0, givenBack: 0 };
const slow = { algorithm: 'tokenBucket', requests: 1, perMs: 86_400_000, burst: 10, key: 'slow' } as const;
const window = { algorithm: 'slidingWindow', requests: 10, perMs: 86_400_000, burst: 10, key: 'window' } as const;

let redis: Redis;
let opened: RedisLeases[] = [];

beforeEach(async () => {
  needRedis();
  redis = await startRedis();
});

afterEach(async () => {
  for (const each of opened) each.close();
  opened = [];
  await redis[Symbol.asyncDispose]();
});

async function open(node: string, leaseMs = LEASE_MS): Promise<RedisLeases> {
  const log = createLog(
    'error',
    () => undefined,
    () => new Date(),
  );
  const leases = new RedisLeases(redis.url, node, log, leaseMs);
  opened.push(leases);
  leases.start();
  await waitFor('it is connected', () => leases.up);
  return leases;
}

/** Once a Redis that just began gives something. */
async function openWarm(node: string): Promise<RedisLeases> {
  const leases = await open(node);
  const other = { ...slow, key: `warm-${node}` };
  await waitFor('it gives', async () => (await leases.lease(other, NONE, 1)).granted > 0);
  return leases;
}

test.each<LeasedBucket>([slow, window])(
  '$algorithm: leases and what is left are never more than the bucket',
  async (bucket) => {
    await openWarm('first');
    // However little time the machine has, they do not run out meanwhile.
    const [a, b] = [await open('a', 600_000), await open('b', 600_000)];
    const first = await a.lease(bucket, NONE, 6);
    expect(first).toMatchObject({ granted: 6, left: 4, waitMs: 0 });
    const other = await b.lease(bucket, NONE, 6);
    expect(other).toMatchObject({ granted: 4, left: 0 });
    expect(other.waitMs).toBeGreaterThan(0);
    // Spent, and given back: twice told is once.
    const report = { lease: first.lease, spent: 3, givenBack: 2 };
    expect(await a.lease(bucket, report, 0)).toMatchObject({ lease: first.lease, granted: 6, left: 2 });
    expect(await a.lease(bucket, report, 0)).toMatchObject({ lease: first.lease, granted: 6, left: 2 });
    // An answer that was lost is in the next one.
    await a.lease(bucket, report, 1);
    expect(await a.lease(bucket, report, 0)).toMatchObject({ granted: 7, left: 1 });
    // A report that cannot be is none.
    expect(await a.lease(bucket, { lease: first.lease, spent: 100, givenBack: 100 }, 0)).toMatchObject({ left: 1 });
  },
);

test.each<LeasedBucket>([slow, window])(
  '$algorithm: what ran out counts as spent, and who had it begins a new lease',
  async (bucket) => {
    const a = await openWarm('a');
    const first = await a.lease(bucket, NONE, 6);
    await pause(LEASE_MS + 50);
    const second = await a.lease(bucket, { lease: first.lease, spent: 1, givenBack: 5 }, 10);
    expect(second.lease).not.toBe(first.lease);
    expect(second).toMatchObject({ granted: 4, left: 0 });
  },
);

test.each<[string, (redis: Redis) => Promise<void>]>([
  ['was emptied', async () => await flush()],
  ['was killed and came back', async (each) => await each.kill().then(() => each.start())],
])('a store that %s gives nothing until all leases have run out, and then no full bucket', async (_, lose) => {
  const [a, b] = [await openWarm('a'), await openWarm('b')];
  await a.lease(slow, NONE, 5);
  await b.lease(slow, NONE, 1);
  const quick = { ...slow, key: 'quick', requests: 10, perMs: 1000 };
  const lostAt = performance.now();
  await lose(redis);
  await waitFor('both are connected', () => a.up && b.up);
  const late = await open('late');
  for (const each of [late, a, b]) {
    const answer = await each.lease(slow, NONE, 1);
    if (each !== late) expect(answer).toMatchObject({ granted: 0, left: 0 });
  }
  await waitFor('it gives again', async () => (await b.lease(quick, NONE, 1)).granted > 0);
  expect(performance.now() - lostAt).toBeGreaterThanOrEqual(LEASE_MS);
  expect(await a.lease(slow, NONE, 1)).toMatchObject({ granted: 0 });
  expect(await a.lease(window, NONE, 1)).toMatchObject({ granted: 0 });
});

async function flush(): Promise<void> {
  const { createConnection } = await import('node:net');
  await new Promise<void>((resolve) => {
    const socket = createConnection(redis.port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'));
    socket.on('data', () => {
      socket.destroy();
      resolve();
    });
  });
}

test('without Redis a call fails at once; with one that says nothing the store is away, and found again', async () => {
  const a = await open('a');
  redis.pause();
  const answer = a.lease(slow, NONE, 1).catch(() => 'none');
  await waitFor('it is away', () => !a.up);
  redis.resume();
  await answer;
  await waitFor('it is back', () => a.up);
  await redis.kill();
  await waitFor('it is gone', () => !a.up);
  await expect(a.lease(slow, NONE, 1)).rejects.toThrow('away');
});

test('nodes that called lately share the limits', async () => {
  const all = await Promise.all(['a', 'b', 'c'].map((node) => open(node)));
  await waitFor('they see each other', () => all.every(({ nodes }) => nodes === 3));
});
