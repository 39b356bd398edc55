import type { Exchange } from './exchange.ts';

/** Arms the exchange's one timer for the next of its deadlines. */
export function armTimer(x: Exchange): void {
  x.context.wheel.arm(x.timer, nextDeadlineMs(x));
}

function nextDeadlineMs(x: Exchange): number {
  if (x.state === 'responding') return Math.min(x.endDeadlineMs, x.lastByteMs + x.destination.plan.streamIdleTimeoutMs);
  let deadlineMs = Math.min(x.headDeadlineMs, x.endDeadlineMs);
  if (awaitsBody(x)) deadlineMs = Math.min(deadlineMs, x.lastBodyMs + x.listener.bodyIdleTimeoutMs);
  if (x.state === 'queued') return deadlineMs;
  return Math.min(deadlineMs, x.state === 'pausing' ? x.resumeAtMs : x.tryDeadlineMs);
}

/** The client is to send more of the body, and nothing but itself keeps it from that. */
export function awaitsBody(x: Exchange): boolean {
  return !x.body.received && !x.uploadBlocked && !x.continueDue;
}
