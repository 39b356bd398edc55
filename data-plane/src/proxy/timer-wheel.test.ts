import { expect, test } from 'vitest';
import { sharedClock } from '../shared/index.ts';
import { OwnTime } from './testing/own-time.ts';
import { TimerWheel, WheelTimer } from './timer-wheel.ts';

const clock = sharedClock(process.hrtime.bigint());

/** A timer that writes down when it fired, by the clock and in own time. */
function recorder(own?: OwnTime): { timer: WheelTimer; fired: number[]; firedOwnMs: number[]; next: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const fired: number[] = [];
  const firedOwnMs: number[] = [];
  const timer = new WheelTimer({
    onTimer: () => {
      fired.push(clock.nowMs());
      if (own !== undefined) firedOwnMs.push(own.ms);
      resolve();
    },
  });
  return { timer, fired, firedOwnMs, next: promise };
}

test('timers fire once, in order, not early and hardly late', async () => {
  const wheel = new TimerWheel(clock);
  const startMs = clock.nowMs();
  using own = new OwnTime();
  const waits = [1, 25, 25, 60, 140];
  const recorders = waits.map((waitMs) => {
    const one = recorder(own);
    wheel.arm(one.timer, startMs + waitMs);
    return one;
  });
  await Promise.all(recorders.map(({ next }) => next));
  for (const [index, waitMs] of waits.entries()) {
    const { fired, firedOwnMs } = recorders[index]!;
    expect(fired).toHaveLength(1);
    expect(fired[0]! - startMs).toBeGreaterThanOrEqual(waitMs);
    expect(firedOwnMs[0]!).toBeLessThan(waitMs + 60);
  }
  wheel.close();
});

test('a deadline that moves to later fires at the later one, to earlier at the earlier', async () => {
  const wheel = new TimerWheel(clock);
  const startMs = clock.nowMs();
  using own = new OwnTime();
  const [later, earlier, never] = [recorder(own), recorder(own), recorder(own)];
  wheel.arm(later.timer, startMs + 20);
  wheel.arm(later.timer, startMs + 120);
  wheel.arm(earlier.timer, startMs + 60_000);
  wheel.arm(earlier.timer, startMs + 40);
  wheel.arm(never.timer, startMs + 30);
  wheel.arm(never.timer, Number.POSITIVE_INFINITY);
  await Promise.all([later.next, earlier.next]);
  expect(later.fired[0]! - startMs).toBeGreaterThanOrEqual(120);
  expect(earlier.firedOwnMs[0]!).toBeLessThan(100);
  expect(never.fired).toEqual([]);
  wheel.close();
});

test('a timer may be armed again, and others removed, while one fires; a removed one never does', async () => {
  const wheel = new TimerWheel(clock);
  const startMs = clock.nowMs();
  const removed = recorder();
  let count = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const again: WheelTimer = new WheelTimer({
    onTimer: () => {
      wheel.remove(removed.timer);
      if (++count === 3) resolve();
      else wheel.arm(again, clock.nowMs());
    },
  });
  wheel.arm(again, startMs + 10);
  wheel.arm(removed.timer, startMs + 10);
  await promise;
  expect(removed.fired).toEqual([]);
  wheel.close();
});

test('a deadline beyond the wheel’s span waits for its turn', async () => {
  const wheel = new TimerWheel(clock);
  const far = recorder();
  const near = recorder();
  wheel.arm(far.timer, clock.nowMs() + 20_000);
  wheel.arm(near.timer, clock.nowMs() + 30);
  await near.next;
  expect(far.fired).toEqual([]);
  expect(far.timer.tick).toBeGreaterThan(0);
  wheel.close();
});
