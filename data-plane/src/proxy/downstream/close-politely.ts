import type { Server } from 'node:net';
import { setBacklog } from './backlog.ts';

/** How long connections may keep coming before the socket is closed over them. */
const MAX_MS = 1000;

/**
 * Closes a listening socket after what the kernel already accepted for it was taken. Closed at once it would reset those
 * connections, and under load there are some. With a backlog of 0 the kernel drops what comes meanwhile, which the client sends
 * again a second later, then to whoever listens there by then. Resolves when it is closed.
 * @param accepted how many connections were taken so far
 */
export function closePolitely(server: Server, accepted: () => number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const startedMs = performance.now();
  setBacklog(server, 0);
  let before = -1;
  // One connection is taken in each turn of the event loop: a turn without one has found the queue empty.
  const look = (): void => {
    const now = accepted();
    if (now === before || performance.now() - startedMs > MAX_MS) {
      server.close();
      resolve();
      return;
    }
    before = now;
    setImmediate(look);
  };
  setImmediate(look);
  return promise;
}
