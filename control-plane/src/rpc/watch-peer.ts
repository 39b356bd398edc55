import type { ServerHttp2Session } from 'node:http2';

/** Pings awaited before a peer counts as gone. */
const maxMissed = 2;

/** Pings an HTTP/2 peer and drops the connection when it misses two pings: a stopped process or a cut link closes nothing by itself. */
export function watchPeer(session: ServerHttp2Session, intervalMs: number): void {
  let missed = 0;
  let lastTick = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const late = now - lastTick > 2 * intervalMs;
    lastTick = now;
    // When this process itself was held up, the answers may be waiting to be read.
    if (late) missed = 0;
    if (missed >= maxMissed) {
      session.destroy();
      return;
    }
    missed++;
    session.ping((error) => {
      if (error === null) missed = 0;
    });
  }, intervalMs);
  timer.unref();
  session.once('close', () => clearInterval(timer));
}
