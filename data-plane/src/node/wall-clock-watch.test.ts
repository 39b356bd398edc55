import { expect, test } from 'vitest';
import { WallClockWatch } from './wall-clock-watch.ts';

test('a step of the wall clock is told once, either way, and what drifts or is slewed is none', () => {
  const lines: string[] = [];
  const say = (message: string, fields?: object) =>
    void lines.push(`${message.slice(0, 14)} ${JSON.stringify(fields)}`);
  const log = { error: say, warn: say, info: say, debug: say };
  const watch = new WallClockWatch(1_000_000, 500, log);
  watch.look(1_001_000, 1_500);
  watch.look(1_003_999, 2_500);
  expect(watch.steps).toBe(0);
  watch.look(1_006_999, 3_500);
  expect(watch.steps).toBe(1);
  watch.look(1_007_999, 4_500);
  // However late the look: both clocks went on.
  watch.look(1_067_999, 64_500);
  expect(watch.steps).toBe(1);
  watch.look(-2_531_001, 65_500);
  watch.look(-2_530_001, 66_500);
  expect(watch.steps).toBe(2);
  expect(lines).toEqual(['the wall clock {"stepSeconds":2}', 'the wall clock {"stepSeconds":-3600}']);
});
