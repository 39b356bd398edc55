import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { formatHeaders, type HeaderInit, toBytes } from './http-message.ts';

/** What an origin sends back. `{}` is a 200 with an empty body on a connection that stays open. */
export type OriginReply = {
  readonly status?: number;
  readonly reason?: string;
  readonly headers?: HeaderInit;
  readonly body?: string | Buffer;
  /** How the body's end is told. Default `length`. */
  readonly framing?: 'length' | 'chunked' | 'untilClose';
  /** Sent after the last chunk; makes the framing chunked. */
  readonly trailers?: HeaderInit;
  /** Messages sent before the answer, byte for byte, such as `HTTP/1.1 103 Early Hints\r\n\r\n`. */
  readonly interim?: readonly string[];
  /** Sent byte for byte instead of an answer made from the fields above. */
  readonly raw?: string | Buffer;
  /** How long the origin waits before its first byte. */
  readonly delayMs?: number;
  /** Sends in pieces, `everyMs` apart. Default: one write. */
  readonly pace?: { readonly bytes: number; readonly everyMs: number };
  /** Stops after that many bytes of the answer (`head`: after its head) and resets, closes, or leaves the peer waiting. */
  readonly cut?: { readonly after: 'head' | number; readonly how: 'reset' | 'close' | 'hang' };
  /** What happens to the connection after the answer. Default: kept, but closed where the framing is `untilClose`. */
  readonly ending?: 'keep' | 'close' | 'reset';
};

/** Sends the answer. Resolves to whether the connection may carry another request; never rejects. */
export async function sendReply(
  socket: Socket,
  reply: OriginReply,
  options: { readonly head: boolean },
): Promise<boolean> {
  if (reply.delayMs !== undefined) await delay(reply.delayMs);
  for (const message of reply.interim ?? []) socket.write(message, 'latin1');
  const { bytes, headBytes } = formatReply(reply, options.head);
  const { cut } = reply;
  const sent = cut === undefined ? bytes : bytes.subarray(0, cut.after === 'head' ? headBytes : cut.after);
  await writePaced(socket, sent, reply.pace);
  const ending = cut?.how ?? reply.ending ?? (reply.framing === 'untilClose' ? 'close' : 'keep');
  if (ending === 'reset') await resetAfterFlush(socket, sent.length);
  if (ending === 'close') socket.end();
  return ending === 'keep' && !socket.destroyed;
}

/** The bytes of an answer, and how many of them are its head. */
export function formatReply(reply: OriginReply, headOnly: boolean): { bytes: Buffer; headBytes: number } {
  if (reply.raw !== undefined) {
    const bytes = toBytes(reply.raw);
    const end = bytes.indexOf('\r\n\r\n');
    return { bytes, headBytes: end === -1 ? bytes.length : end + 4 };
  }
  const { status = 200, reason = 'OK', headers = {}, trailers } = reply;
  const body = toBytes(reply.body ?? '', 'utf8');
  const framing = trailers === undefined ? (reply.framing ?? 'length') : 'chunked';
  const bodyless = status === 204 || status === 304;
  const line =
    bodyless || framing === 'untilClose'
      ? ''
      : framing === 'chunked'
        ? 'transfer-encoding: chunked\r\n'
        : `content-length: ${body.length}\r\n`;
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${formatHeaders(headers)}${line}\r\n`, 'latin1');
  if (headOnly || bodyless) return { bytes: head, headBytes: head.length };
  const sent = framing === 'chunked' ? formatChunks(body, trailers ?? {}) : body;
  return { bytes: Buffer.concat([head, sent]), headBytes: head.length };
}

function formatChunks(body: Buffer, trailers: HeaderInit): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < body.length; at += 16_384) {
    const piece = body.subarray(at, at + 16_384);
    pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from(`0\r\n${formatHeaders(trailers)}\r\n`, 'latin1')]);
}

async function writePaced(socket: Socket, bytes: Buffer, pace: OriginReply['pace']): Promise<void> {
  if (pace === undefined) {
    await write(socket, bytes);
    return;
  }
  for (let at = 0; at < bytes.length && !socket.destroyed; at += pace.bytes) {
    if (at > 0) await delay(pace.everyMs);
    await write(socket, bytes.subarray(at, at + pace.bytes));
  }
}

/** Resolves when the bytes were handed to the kernel or the connection has ended. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed || bytes.length === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', resolve);
  socket.write(bytes, () => resolve());
  await promise;
  socket.off('close', resolve);
}

/** A reset drops what the peer has not read yet, so the bytes get a moment to arrive first. */
async function resetAfterFlush(socket: Socket, sentBytes: number): Promise<void> {
  if (sentBytes > 0) await delay(20);
  socket.resetAndDestroy();
}
