import { expect, test } from 'vitest';
import { judge, type Outcome, type Sample } from './verdict.ts';

const HOUR = 3_600_000;

/** Two hours, looked at each minute. */
function run(at: (hour: number) => Partial<Sample> = () => ({}), more: Partial<Outcome> = {}): string[] {
  const samples = Array.from({ length: 120 }, (_, minute) => {
    const noise = Math.sin(minute * 1.7);
    const steady = { heapMb: 40 + 0.5 * noise, rssMb: 200, fds: 60 + Math.round(5 * noise), timers: 30 };
    return { atMs: minute * 60_000, ...steady, ...at((minute * 60_000) / HOUR) };
  });
  return judge({ answers: 1_000_000, wrong: [], samples, left: { 'active requests': 0 }, lateWorkers: 0, ...more });
}

test('a run with nothing but noise passes, also one whose heap grew while it warmed up', () => {
  expect(run()).toEqual([]);
  expect(run((hour) => ({ heapMb: 20 + 20 * Math.min(1, hour * 2) }))).toEqual([]);
});

test('each leak is found: heap, files, timers, what is left at the end, and one wrong answer in a million', () => {
  expect(run((hour) => ({ heapMb: 40 + 6 * hour }))).toEqual([
    expect.stringMatching(/^heap after collection, MB: grew by 4/),
  ]);
  expect(run((hour) => ({ fds: 60 + 40 * hour }))).toEqual([expect.stringMatching(/^open files: grew by/)]);
  expect(run((hour) => ({ timers: 30 + 60 * hour }))).toEqual([expect.stringMatching(/^timers: grew by/)]);
  expect(run(undefined, { left: { 'active requests': 1 } })).toEqual(['at the end active requests: 1']);
  expect(run(undefined, { wrong: ['another body'] })).toEqual(['1 wrong answers, the first: another body']);
});

test('workers that are late speak against a long run, and not against a minute, which a machine may have no time for', () => {
  const sample = { heapMb: 40, rssMb: 200, fds: 60, timers: 30 };
  const minute = Array.from({ length: 30 }, (_, n) => ({ atMs: n * 2_000, ...sample }));
  expect(run(undefined, { lateWorkers: 1 })).toEqual(['workers replaced for being late: 1']);
  expect(run(undefined, { lateWorkers: 1, samples: minute })).toEqual([]);
});

test('a run that shows nothing is no success', () => {
  expect(run(undefined, { answers: 0, samples: [] })).toEqual([
    'no request was answered',
    'only 0 samples after warming up',
  ]);
});
