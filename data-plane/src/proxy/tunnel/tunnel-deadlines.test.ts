import { expect, test } from 'vitest';
import { TunnelDeadlines } from './tunnel-deadlines.ts';

const NEVER = Number.POSITIVE_INFINITY;

test('a tunnel is idle once nothing has moved for the idle time, and not a millisecond before', () => {
  const deadlines = new TunnelDeadlines(100, NEVER, 1_000);
  expect(deadlines.nextMs(NEVER)).toBe(1_100);
  expect(deadlines.due(1_099, NEVER)).toBeUndefined();
  expect(deadlines.due(1_100, NEVER)).toBe('idle');
  deadlines.moved(1_050);
  expect(deadlines.due(1_149, NEVER)).toBeUndefined();
  expect(deadlines.due(1_150, NEVER)).toBe('idle');
});

test('what is held one way counts from when its sink took the last of it, whatever passes the other way', () => {
  const deadlines = new TunnelDeadlines(100, NEVER, 0);
  deadlines.moved(950);
  expect(deadlines.stillness(999, 900)).toBeUndefined();
  expect(deadlines.stillness(1_000, 900)).toBe('stalled');
  expect(deadlines.stillness(1_049, NEVER)).toBeUndefined();
  expect(deadlines.stillness(1_050, NEVER)).toBe('idle');
});

test('its age ends a tunnel before anything else does', () => {
  const deadlines = new TunnelDeadlines(100, 500, 0);
  deadlines.leave(400, 0, 0);
  expect(deadlines.nextMs(NEVER)).toBe(0);
  expect(deadlines.due(499, NEVER)).toBe('drain');
  expect(deadlines.due(500, NEVER)).toBe('max_duration');
});

test('tunnels of a listener that goes leave within three quarters of its time, by the earliest that was said', () => {
  const deadlines = new TunnelDeadlines(NEVER, NEVER, 0);
  deadlines.leave(1_000, 0, 1);
  expect(deadlines.nextMs(NEVER)).toBe(750);
  deadlines.leave(2_000, 0, 0);
  expect([deadlines.leaveByMs, deadlines.nextMs(NEVER)]).toEqual([1_000, 750]);
  deadlines.leave(100, 200, 0.5);
  expect([deadlines.leaveByMs, deadlines.nextMs(NEVER)]).toEqual([100, 200]);
});
