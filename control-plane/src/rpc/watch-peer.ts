import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';

/** Pings awaited before a peer counts as gone. */
const MAX_MISSED = 2;

/**
 * Pings an HTTP/2 peer every `intervalMs` and drops the connection when it misses two pings: a stopped process or a cut link
 * closes nothing by itself.
 */
export function watchPeer(session: ServerHttp2Session, socket: Socket, intervalMs: number): void {
  let missed = 0;
  let lastTick = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - lastTick > 2 * intervalMs;
    lastTick = now;
    // When this process itself was held up, the answers may be waiting to be read.
    if (late) missed = 0;
    if (missed >= MAX_MISSED) {
      // Not only the session: that would wait for a peer that does not read until all it was sent has left.
      socket.destroy();
      return;
    }
    missed++;
    // A session that was destroyed closes once its socket does, and until then throws when told to ping.
    if (!session.destroyed) session.ping(countAnswer);
  }, intervalMs);
  const countAnswer = (error: Error | null) => {
    if (error === null) missed = 0;
  };
  timer.unref();
  session.once('close', () => clearInterval(timer));
}
