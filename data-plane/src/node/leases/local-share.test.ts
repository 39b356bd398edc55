import { expect, test } from 'vitest';
import type { LeasedKey } from './leased-key.ts';
import { LocalShare } from './local-share.ts';

const key: LeasedKey = {
  key: 'k',
  algorithm: 'tokenBucket',
  requests: 10,
  perMs: 1000,
  burst: 20,
  cost: 1,
  failOpen: true,
};

/** Spent as soon as they are given. */
function takenIn(share: LocalShare, nodes: number, fromMs: number, toMs: number): number {
  let taken = 0;
  for (let ms = fromMs; ms <= toMs; ms += 5) taken += share.take(3, 0, nodes, ms).tokens;
  return taken;
}

test('a bucket is divided among the nodes, what flows in too', () => {
  // What had flowed in before the first ones were known to be spent is lost.
  expect(takenIn(new LocalShare(key), 4, 1000, 1000 + 8000)).toBe(5 + 20 - 1);
  expect(new LocalShare(key).take(100, 0, 1, 1000)).toEqual({ tokens: 20, waitMs: 100 });
});

test('a window is never exceeded: half of the share at once, the other half over its time', () => {
  const window: LeasedKey = { ...key, algorithm: 'slidingWindow', requests: 9, burst: 9 };
  const share = new LocalShare(window);
  expect(share.take(100, 0, 2, 1000).tokens).toBe(2);
  expect(takenIn(share, 2, 1005, 1995)).toBe(1);
  expect(takenIn(share, 2, 2000, 2990)).toBe(2);
});

test('of less than one token for each node nobody has any', () => {
  expect(new LocalShare({ ...key, burst: 3 }).take(1, 0, 4, 1000)).toEqual({ tokens: 0, waitMs: 1000 });
});

test('tokens that were given and not spent leave no room for others to flow in', () => {
  const share = new LocalShare(key);
  expect(share.take(100, 0, 1, 1000).tokens).toBe(20);
  // Nothing was spent for two seconds, and then half of it.
  expect(share.take(100, 20, 1, 3000).tokens).toBe(0);
  expect(share.take(100, 10, 1, 5000).tokens).toBe(0);
  expect(share.take(100, 10, 1, 7000).tokens).toBe(10);
});
