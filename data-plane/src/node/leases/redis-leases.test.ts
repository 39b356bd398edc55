import { createLog } from '@sluice/engine';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually } from '../../proxy/testing/eventually.ts';
import { type FakeRedis, startFakeRedis } from '../redis/testing/fake-redis.ts';
import { RedisLeases } from './redis-leases.ts';

const log = createLog(
  'info',
  () => undefined,
  () => new Date(0),
);
const bucket = { key: 'k', algorithm: 'tokenBucket', requests: 100, perMs: 1000, burst: 100 } as const;
const report = { lease: '', spent: 0, givenBack: 0 };
const good = '*5\r\n$1\r\ng\r\n$2\r\nl1\r\n:5\r\n:95\r\n:0\r\n';

let redis: FakeRedis;
let leases: RedisLeases;
beforeEach(async () => {
  redis = await startFakeRedis();
  leases = new RedisLeases(redis.url, 'n1', log);
  leases.start();
  await eventually(() => leases.up, 'a connection');
});
afterEach(async () => {
  leases.close();
  await redis[Symbol.asyncDispose]();
});

const lease = () => leases.lease(bucket, report, 5);
const isLeased = () =>
  lease().then(
    ({ granted }) => granted === 5,
    () => false,
  );

test.each([
  ['nothing', '$-1\r\n'],
  ['a number', ':7\r\n'],
  ['a text', '$5\r\nabcde\r\n'],
  ['an empty list', '*0\r\n'],
  ['a list that is too short', '*4\r\n$1\r\ng\r\n$2\r\nl1\r\n:5\r\n:95\r\n'],
  ['texts for numbers', '*5\r\n$1\r\ng\r\n$2\r\nl1\r\n$1\r\n5\r\n$2\r\n95\r\n$1\r\n0\r\n'],
  ['a number for the lease', '*5\r\n$1\r\ng\r\n:1\r\n:5\r\n:95\r\n:0\r\n'],
  ['fewer tokens than none', '*5\r\n$1\r\ng\r\n$2\r\nl1\r\n:-5\r\n:95\r\n:0\r\n'],
  ['more tokens than can be counted', '*5\r\n$1\r\ng\r\n$2\r\nl1\r\n:99999999999999999999\r\n:95\r\n:0\r\n'],
])('%s is no lease, and what comes after it is', async (_, reply) => {
  redis.reply = reply;
  await expect(lease()).rejects.toThrow('not an answer to the question');
  redis.reply = good;
  expect(await lease()).toEqual({ lease: 'l1', granted: 5, left: 95, waitMs: 0 });
  expect(redis.connections()).toBe(1);
});

test.each([
  ['bytes of no protocol', '\u0000\u0001garbage\r\n'],
  ['lists in lists without end', `${'*1\r\n'.repeat(100_000)}:1\r\n`],
  ['replies that nobody asked for', `${good}${good}`],
])('%s end the connection, and another follows', async (_, reply) => {
  redis.reply = reply;
  await eventually(async () => {
    await lease().catch(() => undefined);
    return redis.connections() > 1;
  }, 'another connection');
  redis.reply = good;
  await eventually(isLeased, 'a lease');
});
