import { gcraPlan, windowPlan } from '@sluice/engine';
import { expect, test } from 'vitest';
import { attachShared } from './attach.ts';
import { CellKey, keyPart, keyPartInto } from './cell-key.ts';
import { createSharedRegion } from './region.ts';

/** The long form: SLUICE_ADDRESSES=10000000, about a minute. */
const ADDRESSES = Number(process.env.SLUICE_ADDRESSES ?? 300_000);
const IN_FORCE = 400;
const HOUR_MS = 3_600_000;
const LIMIT = 2;

test.each(['tokenBucket', 'slidingWindow'] as const)(
  '%s: any number of client addresses takes no more memory than the tables, and resets no limit in force',
  { timeout: 600_000 },
  (algorithm) => {
    const region = createSharedRegion({ workers: 1, limiterCells: 1 << 16 });
    const { limiter, slidingWindows, clock } = attachShared(region, 0);
    const limit = keyPart(region.hashKey, 'limit', 'Policy/p/l');
    const [bucket, window] = [gcraPlan(3, HOUR_MS), windowPlan(3, HOUR_MS)];
    const key = new CellKey();
    const part = { lo: 0, hi: 0 };
    const admits = (address: string): boolean => {
      key.begin(limit);
      keyPartInto(region.hashKey, 'clientIp', address, part);
      key.add(part);
      const nowUs = clock.nowUs();
      return algorithm === 'tokenBucket'
        ? limiter.charge(key, LIMIT, bucket, nowUs)
        : slidingWindows.charge(key, LIMIT, window, nowUs);
    };
    const inForce = Array.from({ length: IN_FORCE }, (_, i) => `192.0.2.${i % 250}:${i}`);
    for (const address of inForce) expect([1, 2, 3, 4].map(() => admits(address))).toEqual([true, true, true, false]);
    const before = process.memoryUsage.rss();
    let admitted = 0;
    for (let i = 0; i < ADDRESSES; i++) if (admits(`2001:db8:${i >>> 16}:${i & 0xffff}`)) admitted++;
    expect(inForce.filter(admits)).toEqual([]);
    // One each in a cell, at most; past the cells all share one.
    expect(admitted).toBeLessThanOrEqual((1 << 16) + 3);
    expect(admitted).toBeGreaterThan(1000);
    expect((process.memoryUsage.rss() - before) / 2 ** 20).toBeLessThan(128);
  },
);
