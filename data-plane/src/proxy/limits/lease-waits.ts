import type { Exchange } from '../exchange.ts';

/** The longest that a request waits for the first answer of the store about its bucket. */
const WAIT_MS = 50;
/** A request that waits looks again by itself. */
const LOOK_MS = 10;

/** Keeps a request where it is until its bucket has an answer. */
export function awaitLease(x: Exchange): void {
  const { context } = x;
  if (x.leaseDeadlineMs === 0) {
    x.leaseDeadlineMs = context.nowMs + WAIT_MS;
    context.shared.metrics.overflow('lease_waits');
  }
  x.state = 'leasing';
  context.leaseWaits.add(x);
  context.wheel.arm(x.timer, Math.min(x.leaseDeadlineMs, context.nowMs + LOOK_MS));
}

/** Looks again; at the deadline for the last time. */
export function goOnWithLease(x: Exchange): void {
  const { context } = x;
  context.leaseWaits.remove(x);
  if (x.state !== 'leasing') return;
  context.wheel.arm(x.timer, Number.POSITIVE_INFINITY);
  context.readClock();
  x.leaseWaited = context.nowMs >= x.leaseDeadlineMs;
  x.decideOn();
}
