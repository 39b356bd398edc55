import type { Exchange } from '../exchange.ts';

/** What is kept of a body for a dead connection's replacement, where the route has no retries. */
const DEFAULT_REPLAY_BYTES = 64 * 1024;
/** What of a body is read ahead while its request waits for a connection. */
const MAX_HELD_BYTES = 64 * 1024;

/** Keeps what was sent of the body while all of it can be sent again. */
export function recordBody(x: Exchange, bytes: Buffer): void {
  if (!x.replayable || bytes.length === 0) return;
  x.replayBytes += bytes.length;
  if (x.replayBytes <= replayLimit(x)) {
    x.replay.push(Buffer.from(bytes));
  } else {
    x.replayable = false;
    x.replay.length = 0;
  }
}

/** Keeps what comes of the body while there is no connection to send it on; the client waits with the rest of a long one. */
export function holdBody(x: Exchange, bytes: Buffer): void {
  if (bytes.length === 0) return;
  x.replay.push(Buffer.from(bytes));
  x.replayBytes += bytes.length;
  if (x.replayBytes > replayLimit(x)) x.replayable = false;
  if (x.replayBytes < MAX_HELD_BYTES || x.body.received) return;
  x.uploadBlocked = true;
  x.client.pauseReading();
}

/** What of the body is to be sent together with the head; valid in this turn only. */
export function bodySoFar(x: Exchange): Buffer {
  const { replay } = x;
  if (replay.length === 0) return x.body.bytes;
  return replay.length === 1 ? (replay[0] as Buffer) : Buffer.concat(replay);
}

/** It was sent: what cannot be sent again is let go. */
export function releaseHeld(x: Exchange): void {
  if (!x.replayable && x.replay.length > 0) x.replay.length = 0;
}

function replayLimit(x: Exchange): number {
  return x.destination.plan.retry?.bufferBytes ?? DEFAULT_REPLAY_BYTES;
}
