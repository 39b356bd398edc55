import { createLog } from '@sluice/engine';
import { expect, test } from 'vitest';
import { attachShared, createSharedRegion } from '../../shared/index.ts';
import { Freshness } from './freshness.ts';
import { StalenessBound } from './staleness-bound.ts';

function start(maxMs: number | undefined) {
  const { control } = attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 }));
  const time = { nowMs: 1_000 };
  const lines: string[] = [];
  const log = createLog(
    'info',
    (line) => lines.push(line),
    () => new Date(0),
  );
  const clock = { nowMs: () => time.nowMs, nowUs: () => time.nowMs * 1000 };
  const freshness = new Freshness(clock.nowMs, () => ({ revision: 1, factsVersion: 1 }));
  const bound = new StalenessBound(maxMs, { freshness, control, clock, log });
  freshness.onConfirmed = () => bound.look();
  const disbelieves = () => control.disbelievesCallers(clock.nowUs());
  return { time, lines, freshness, bound, disbelieves };
}

test('credentials are believed up to the bound, which half of it warns of, and again once confirmed', () => {
  const { time, lines, freshness, bound, disbelieves } = start(10_000);
  const after = (ms: number) => {
    time.nowMs = 1_000 + ms;
    const byItself = disbelieves();
    bound.look();
    return [byItself, bound.refuses, lines.length];
  };
  expect(after(4_999)).toEqual([false, false, 0]);
  expect(after(5_000)).toEqual([false, false, 1]);
  expect(after(9_999)).toEqual([false, false, 1]);
  expect(after(10_000)).toEqual([true, true, 2]);
  freshness.welcomed({ revision: 1, factsVersion: 2 }, false);
  expect(disbelieves()).toBe(true);
  freshness.welcomed({ revision: 1, factsVersion: 1 }, false);
  expect([disbelieves(), bound.refuses]).toEqual([false, false]);
  expect(lines.map((line) => line.split(' ')[1])).toEqual(['warn', 'error', 'info']);
  bound.close();
});

test('without a bound they are believed for ever', () => {
  const { time, freshness, bound, disbelieves } = start(undefined);
  freshness.restored(1e12);
  time.nowMs = 1e12;
  bound.look();
  expect([disbelieves(), bound.refuses]).toEqual([false, false]);
});
