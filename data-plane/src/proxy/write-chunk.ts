import type { Socket } from 'node:net';
import { isFleeting } from './downstream/read-buffer.ts';

/** Copies kept for the next chunk that needs one. */
const MAX_SPARE = 16;
/** As long as the longest chunk that is copied. */
const COPY_BYTES = 64 * 1024;
const spare: Buffer[] = [];

/** Writes a chunk as it was read, or a copy where the next read would overwrite what the kernel has not taken yet. `onTaken`: it has. */
export function writeChunk(socket: Socket, bytes: Buffer, onTaken?: () => void): boolean {
  return writeTogether(socket, '', bytes, onTaken);
}

/** As `writeChunk`, behind a text: both in one system call. */
export function writeTogether(socket: Socket, text: string, bytes: Buffer, onTaken?: () => void): boolean {
  const copied = isFleeting(bytes) ? (spare.pop() ?? Buffer.allocUnsafeSlow(COPY_BYTES)) : undefined;
  copied?.set(bytes);
  const chunk = copied === undefined ? bytes : copied.subarray(0, bytes.length);
  if (text !== '') {
    socket.cork();
    socket.write(text, 'latin1');
  }
  const more = socket.write(chunk, onTaken);
  if (text !== '') socket.uncork();
  // Nobody has it any longer. A copy that is still under way is left to the garbage collector.
  if (copied !== undefined && socket.writableLength === 0 && spare.length < MAX_SPARE) spare.push(copied);
  return more;
}
