import { createLog } from '@sluice/engine';
import { expect, it } from 'vitest';
import { Housekeeping, keptMs } from './housekeeping.ts';
import type { CleanBefore, Cleaned } from './store/store.ts';

const nothing: Cleaned = { answers: 0, commands: 0, audit: 0, nodes: 0 };
const now = new Date('2026-11-21T12:00:00Z');

/** A store that has this to remove, and what was asked of it and logged. */
function serve(backlog: Partial<Cleaned>, intervalMs = 1_000_000) {
  const left = { ...nothing, ...backlog };
  const asked: { before: CleanBefore; limit: number }[] = [];
  const lines: string[] = [];
  const log = createLog(
    'debug',
    (line) => void lines.push(line),
    () => now,
  );
  const served = { asked, lines, away: false, left };
  const store = {
    async clean(before: CleanBefore, limit: number): Promise<Cleaned> {
      asked.push({ before, limit });
      if (served.away) throw new Error('the database is away');
      const cleaned = { ...nothing };
      for (const table of Object.keys(left) as (keyof Cleaned)[]) {
        cleaned[table] = Math.min(limit, left[table]);
        left[table] -= cleaned[table];
      }
      return cleaned;
    },
  };
  return Object.assign(served, { keeper: new Housekeeping({ store, log, intervalMs, limit: 10, now: () => now }) });
}

it('removes a backlog in small steps, counting each kind from now', async () => {
  const served = serve({ audit: 25, nodes: 3 });
  await served.keeper.run();
  const { before } = served.asked[0]!;
  for (const table of Object.keys(keptMs) as (keyof Cleaned)[]) {
    expect(now.getTime() - before[table].getTime()).toBe(keptMs[table]);
  }
  expect(served.asked.map(({ limit }) => limit)).toEqual([10, 10, 10]);
  expect(served.left).toEqual(nothing);
  expect(served.lines).toHaveLength(1);
  expect(served.lines[0]).toContain('removed');
  await served.keeper.close();
});

it('leaves to the next round what is more than a round may take', async () => {
  const served = serve({ answers: 511 });
  await served.keeper.run();
  expect(served.left.answers).toBe(11);
  await served.keeper.run();
  expect(served.left.answers).toBe(0);
  await served.keeper.close();
});

it('goes on after the database was away', async () => {
  const served = serve({ commands: 1 });
  served.away = true;
  await served.keeper.run();
  expect(served.lines[0]).toContain('the database is away');
  served.away = false;
  await served.keeper.run();
  expect(served.left).toEqual(nothing);
  await served.keeper.close();
});

it('runs by itself until it is closed', async () => {
  const served = serve({}, 5);
  await expect.poll(() => served.asked.length).toBeGreaterThan(1);
  await served.keeper.close();
  const { length } = served.asked;
  await served.keeper.run();
  expect(served.asked).toHaveLength(length);
});
