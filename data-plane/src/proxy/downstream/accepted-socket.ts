import { Socket, type SocketConstructorOpts } from 'node:net';
import type { ReadBuffer } from './read-buffer.ts';

interface WithHandle {
  _handle: object | null;
}

/**
 * A socket on the connection that a server with `pauseOnConnect` accepted, which reads as `onread` says. `net.connect` takes that
 * option, `net.createServer` does not, hence the connection is moved to a socket made for it: reading through the stream instead
 * costs a tenth of a request.
 */
export function readAccepted(accepted: Socket, buffer: ReadBuffer): Socket {
  const source = accepted as Socket & WithHandle;
  const options = { handle: source._handle, allowHalfOpen: true, onread: buffer.onread };
  source._handle = null;
  const socket = new Socket(options as SocketConstructorOpts);
  buffer.attach(socket);
  return socket;
}

/**
 * Of what was written to a socket, what the kernel has not taken yet. The stream counts a write only when all of it is taken, hence
 * the handle is asked, as the socket's own timeout does.
 */
export function unsentBytes(socket: Socket): number {
  const { _handle } = socket as Socket & { readonly _handle: { readonly writeQueueSize?: number } | null };
  return _handle?.writeQueueSize ?? socket.writableLength;
}
