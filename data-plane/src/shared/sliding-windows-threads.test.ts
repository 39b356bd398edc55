import { SUB_WINDOWS } from '@sluice/engine';
import { expect, test } from 'vitest';
import { createSharedRegion } from './region.ts';
import { hammer } from './testing/hammers.ts';

const THREADS = 4;

test('four threads on one window of an hour: exactly its 1,000 of 200,000', async () => {
  const span = 2;
  const task = { name: 'windows', charges: 50_000, keys: 1, requests: 1000, perMs: 3_600_000, span } as const;
  const { admitted } = await hammer(createSharedRegion({ workers: THREADS }), task, THREADS, span);
  expect(admitted[0]).toBe(1000);
});

test('four threads on windows that slide meanwhile never put more into one than it admits, and go on', async () => {
  const [keys, span, requests] = [6, 20_000, 50];
  const region = createSharedRegion({ workers: THREADS, limiterCells: 2048 });
  const task = { name: 'windows', charges: 400_000, keys, requests, perMs: 12, span } as const;
  const { admitted } = await hammer(region, task, THREADS, keys * span);
  for (let key = 0; key < keys; key++) {
    const counts = admitted.subarray(key * span, (key + 1) * span);
    expect(Math.min(...counts)).toBe(0);
    expect(mostInWindow(counts)).toBeLessThanOrEqual(requests);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2 * requests);
  }
});

function mostInWindow(counts: Int32Array): number {
  let inside = 0;
  let most = 0;
  counts.forEach((count, number) => {
    inside += count - (counts[number - SUB_WINDOWS - 1] ?? 0);
    most = Math.max(most, inside);
  });
  return most;
}
