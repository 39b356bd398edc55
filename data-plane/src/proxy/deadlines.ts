import type { Exchange } from './exchange.ts';

/** How often within streamIdleTimeout a client that lags behind is looked at. */
const LOOKS = 10;

/** Arms the exchange's one timer for the next of its deadlines. */
export function armTimer(x: Exchange): void {
  x.context.wheel.arm(x.timer, nextDeadlineMs(x));
}

function nextDeadlineMs(x: Exchange): number {
  if (x.state === 'responding' || x.state === 'editing') {
    const { streamIdleTimeoutMs } = x.destination.plan;
    const nextMs = Math.min(x.endDeadlineMs, x.lastByteMs + streamIdleTimeoutMs);
    return x.client.drained ? nextMs : Math.min(nextMs, x.context.nowMs + streamIdleTimeoutMs / LOOKS);
  }
  let deadlineMs = Math.min(x.headDeadlineMs, x.endDeadlineMs);
  if (awaitsBody(x)) deadlineMs = Math.min(deadlineMs, x.lastBodyMs + x.listener.bodyIdleTimeoutMs);
  if (x.state === 'queued' || x.state === 'collecting') return deadlineMs;
  return Math.min(deadlineMs, x.state === 'pausing' ? x.resumeAtMs : x.tryDeadlineMs);
}

/** The client has not taken all that was sent. It is looked at now and then whether it reads at all, which says nothing by itself. */
export function watchReader(x: Exchange): void {
  x.unsentSeen = x.client.unsentBytes;
  armTimer(x);
}

/** A client that reads, however slowly, is no idle one. */
export function noteReading(x: Exchange, nowMs: number): void {
  const { unsentBytes } = x.client;
  if (unsentBytes === x.unsentSeen) return;
  x.unsentSeen = unsentBytes;
  x.lastByteMs = nowMs;
}

/** The client is to send more of the body, and nothing but itself keeps it from that. */
export function awaitsBody(x: Exchange): boolean {
  return !x.body.received && !x.uploadBlocked && !x.continueDue;
}
