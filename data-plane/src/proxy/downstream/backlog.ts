import type { Server } from 'node:net';

interface ListeningHandle {
  listen(backlog: number): number;
}

/**
 * Changes how many connections the kernel lets wait on a listening socket: listening again does, and `net.Server` has no other way.
 * Those beyond are dropped, and what waits already stays. Without effect on a server that is closed.
 */
export function setBacklog(server: Server, backlog: number): void {
  (server as Server & { readonly _handle: ListeningHandle | null })._handle?.listen(backlog);
}
