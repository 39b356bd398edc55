import { expect, test } from 'vitest';
import { StallWatch } from './stall-watch.ts';

/** Looks every half second from `fromMs` up to `toMs`; gives when a worker that last beat at `beatMs` was found. */
function foundAt(watch: StallWatch, beatMs: number, fromMs: number, toMs: number): number | undefined {
  for (let nowMs = fromMs; nowMs <= toMs; nowMs += StallWatch.everyMs) {
    if (watch.look(nowMs, [[0, beatMs]]).has(0)) return nowMs;
  }
  return undefined;
}

test('a worker that shows no sign of life for five seconds is found, and not one that does', () => {
  const watch = new StallWatch(0);
  expect(watch.look(500, [[0, 400]])).toEqual(new Map());
  expect(foundAt(watch, 1_000, 1_000, 20_000)).toBe(6_000);
  expect(
    watch.look(6_500, [
      [0, 1_499],
      [1, 6_400],
      [2, 1_501],
    ]),
  ).toEqual(new Map([[0, 5_001]]));
});

test('time in which the whole process stood still counts for no worker, and one that stays still afterwards is found', () => {
  const watch = new StallWatch(0);
  expect(foundAt(watch, 900, 500, 1_000)).toBeUndefined();
  expect(watch.look(61_000, [[0, 900]])).toEqual(new Map());
  expect(foundAt(watch, 900, 61_500, 80_000)).toBe(66_000);
});
