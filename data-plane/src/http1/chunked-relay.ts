import type { ChunkedDecoder } from './chunked-decoder.ts';
import { fieldLines } from './head-writer.ts';
import type { Refusal } from './refusal.ts';

/** One chunk of a chunked body, ready to be sent on as part of a chunked body. */
export interface Relayed {
  readonly ok: true;
  /** Framing and payload; empty where only framing in progress came. Views of the chunk where nothing had to change. */
  readonly bytes: Buffer;
  /** The body, with its last chunk, is complete. */
  readonly done: boolean;
  /** Where the body ended in the chunk; its length where it goes on. */
  readonly end: number;
}

const NOTHING = Buffer.alloc(0);
const LAST_CHUNK = '0\r\n';

/**
 * Passes a chunked body on as a chunked body: every byte is checked by the decoder; extensions, leading zeros and
 * (unless `keepTrailers`) trailers are left out, and size lines that were split are written anew. What is already in
 * the one form a sender needs is passed as it stands, so that a chunk received is usually a view sent.
 */
export function relayChunked(
  decoder: ChunkedDecoder,
  chunk: Buffer,
  start: number,
  keepTrailers: boolean,
): Relayed | Refusal {
  const parts: Buffer[] = [];
  let from = start;
  let at = start;
  // A size line begun in an earlier chunk was held back.
  decoder.lineStart = -1;
  for (;;) {
    const step = decoder.next(chunk, at);
    at = decoder.end;
    if (step === 'refused') return decoder.refusal as Refusal;
    if (step === 'more') {
      const to = !decoder.withinFraming ? chunk.length : Math.max(from, decoder.lineStart);
      addView(parts, chunk, from, to);
      return { ok: true, bytes: joined(parts), done: false, end: at };
    }
    const written = decoder.lineStart;
    if (step === 'done') {
      const asItStands = written >= 0 && decoder.lineIsPlain && at - written === LAST_CHUNK.length + 2;
      addView(parts, chunk, from, asItStands ? at : Math.max(from, written));
      if (!asItStands) {
        const trailers = keepTrailers && decoder.trailers !== null ? fieldLines(decoder.trailers) : '';
        parts.push(Buffer.from(`${LAST_CHUNK}${trailers}\r\n`, 'latin1'));
      }
      return { ok: true, bytes: joined(parts), done: true, end: at };
    }
    if (decoder.opensChunk && (written < 0 || !decoder.lineIsPlain)) {
      addView(parts, chunk, from, Math.max(from, written));
      parts.push(Buffer.from(chunkHeader(decoder.chunkSize), 'latin1'));
      from = decoder.dataStart;
    }
  }
}

/** What a chunked body says, without its framing: `bytes` is payload alone, and trailers are left out. */
export function readChunked(decoder: ChunkedDecoder, chunk: Buffer, start: number): Relayed | Refusal {
  const parts: Buffer[] = [];
  let step = decoder.next(chunk, start);
  for (; step === 'data'; step = decoder.next(chunk, decoder.end)) {
    parts.push(chunk.subarray(decoder.dataStart, decoder.dataEnd));
  }
  if (step === 'refused') return decoder.refusal as Refusal;
  return { ok: true, bytes: joined(parts), done: step === 'done', end: decoder.end };
}

/** Size line of a chunk of `length` payload bytes, which `CHUNK_END` follows. `length` is at least 1. */
export function chunkHeader(length: number): string {
  return `${length.toString(16)}\r\n`;
}

/** Ends the payload of each chunk. */
export const CHUNK_END = '\r\n';

/** Ends a chunked body without trailers. */
export const CHUNKED_END = '0\r\n\r\n';

function addView(parts: Buffer[], chunk: Buffer, from: number, to: number): void {
  if (to > from) parts.push(chunk.subarray(from, to));
}

function joined(parts: Buffer[]): Buffer {
  if (parts.length === 1) return parts[0] as Buffer;
  return parts.length === 0 ? NOTHING : Buffer.concat(parts);
}
