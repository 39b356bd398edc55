import type { Socket } from 'node:net';

/** What `socket.write` comes down to: the kernel takes the text at once (0), or an error number, or a request under way. */
type WriteOutcome = number | { handle: unknown };
interface Handle {
  writeLatin1String(request: unknown, text: string): WriteOutcome;
}
interface WithHandle {
  _handle: Handle | null;
}

const DONE = 0;

/**
 * How this version of Node writes to a handle. `direct`: it gives no request object and gets one only where a write is under way,
 * which is what `writeText` builds on. Learned from a first write by the stream; any other version keeps to the stream.
 */
let protocol: 'unknown' | 'direct' | 'stream' = 'unknown';

/**
 * `socket.write(text, 'latin1')`, in all it does, but for the stream's bookkeeping where there is nothing to keep: the kernel mostly
 * takes a small message as a whole, and then the stream costs a twentieth of a request. Where it does not, or where the stream has
 * something to say first (bytes before these, connecting, ended, closed), the stream goes on with the write as its own.
 */
export function writeText(socket: Socket, text: string): boolean {
  const handle = (socket as unknown as WithHandle)._handle;
  if (handle === null || socket.writableLength > 0 || socket.connecting || socket.writableEnded) {
    return socket.write(text, 'latin1');
  }
  if (protocol !== 'direct') return protocol === 'stream' ? socket.write(text, 'latin1') : learn(socket, handle, text);
  const outcome = handle.writeLatin1String(null, text);
  return outcome === DONE || writeThrough(socket, handle, text, () => outcome);
}

function learn(socket: Socket, handle: Handle, text: string): boolean {
  return writeThrough(socket, handle, text, (request) => {
    const outcome = handle.writeLatin1String(request, text);
    if (request !== null) protocol = 'stream';
    else if (outcome === DONE) protocol = 'direct';
    return outcome;
  });
}

/** Has the stream write the text, with `write` in place of its handle's. */
function writeThrough(
  socket: Socket,
  handle: Handle,
  text: string,
  write: (request: unknown) => WriteOutcome,
): boolean {
  let outcome: WriteOutcome = DONE;
  const standIn: Handle & Record<symbol, unknown> = {
    writeLatin1String: (request) => {
      outcome = write(request);
      return outcome;
    },
  };
  // By one of them the stream is found when the request is done.
  for (const symbol of Object.getOwnPropertySymbols(handle)) {
    standIn[symbol] = (handle as Handle & Record<symbol, unknown>)[symbol];
  }
  const writer = socket as unknown as WithHandle;
  writer._handle = standIn;
  try {
    return socket.write(text, 'latin1');
  } finally {
    if (writer._handle === standIn) writer._handle = handle;
    const request = outcome as WriteOutcome;
    if (typeof request === 'object') request.handle = handle;
  }
}
