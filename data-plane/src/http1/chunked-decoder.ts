import type { HeadReader } from './head-reader.ts';
import { type Refusal, refuse } from './refusal.ts';
import { createTrailerReader, type Trailers } from './trailer-section.ts';

/**
 * What `ChunkedDecoder.next` found: `data` the payload `chunk[dataStart..dataEnd)`; `more` nothing further in this
 * chunk; `done` the body ended before `end`; `refused` it is malformed, see `refusal`.
 */
export type ChunkedStep = 'data' | 'more' | 'done' | 'refused';

// What the next byte may be. The extension states follow RFC 9112 7.1.1, without white space, which llhttp refuses too.
const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION_NAME_FIRST = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_FIRST = 4;
const EXTENSION_TOKEN = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPED = 7;
const EXTENSION_QUOTED_END = 8;
const SIZE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const TRAILERS = 13;
const DONE = 14;
const REFUSED = 15;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Enough for 2^53 - 1, and for the leading zeros some senders pad with. */
const MAX_SIZE_DIGITS = 16;
const MAX_EXTENSION_BYTES = 256;
/** How many bytes of extensions a body may carry beyond twice its payload, so that framing is not a way to make work. */
const MAX_EXTENSION_EXCESS = 16 * 1024;

const SIZE_INVALID = refuse('bad_request', 'malformed chunk size');
const SIZE_OVERFLOW = refuse('bad_request', 'chunk size too large');
const EXTENSION_INVALID = refuse('bad_request', 'malformed chunk extension');
const EXTENSION_TOO_LONG = refuse('bad_request', 'chunk extensions exceed the limit');
const DATA_UNTERMINATED = refuse('bad_request', 'chunk data not followed by CRLF');

const HEX = hexTable();
const TOKEN = characterTable("!#$%&'*+-.^_`|~", true);
const QUOTED = quotedTable();

/**
 * Decodes a chunked body (RFC 9112 7.1) from chunks of any size; the payload is given as offsets, nothing is copied.
 * Chunk extensions are checked and ignored. Reusable: `begin` starts the next body.
 *
 *     for (let at = start; ; at = decoder.end) {
 *       const step = decoder.next(chunk, at);
 *       if (step !== 'data') break;
 *       sink(chunk.subarray(decoder.dataStart, decoder.dataEnd));
 *     }
 */
export class ChunkedDecoder {
  dataStart = 0;
  dataEnd = 0;
  /** Where to go on in the chunk last given; after `done`, the first byte behind the body. */
  end = 0;
  /** Payload bytes of the body so far. */
  payloadBytes = 0;
  /** Set by `done`: what may be kept of the trailer section; null where it was empty. */
  trailers: Trailers | null = null;
  /** Set by `refused`. */
  refusal: Refusal | null = null;

  /** For `relayChunked`: where the current size line began in the chunk last given, -1 where in an earlier one. */
  lineStart = -1;
  /** For `relayChunked`: the current size line is without extension and leading zeros. */
  lineIsPlain = true;
  /** For `relayChunked`: the last `data` is the first of its chunk, whose size is `chunkSize`. */
  opensChunk = false;
  chunkSize = 0;

  #state = SIZE_FIRST;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #extensionExcess = 0;
  #trailerReader: HeadReader<Trailers> | null = null;

  begin(): void {
    this.#state = SIZE_FIRST;
    this.end = 0;
    this.payloadBytes = 0;
    this.trailers = null;
    this.refusal = null;
    this.lineStart = -1;
    this.#extensionExcess = 0;
    this.#trailerReader = null;
  }

  get done(): boolean {
    return this.#state === DONE;
  }

  /** For `relayChunked`: the chunk last given ended between the first byte of a size line and what it announces. */
  get withinFraming(): boolean {
    const state = this.#state;
    if (state === DATA) return this.#remaining === this.chunkSize;
    return (state > SIZE_FIRST && state <= SIZE_LF) || state === TRAILERS;
  }

  /** Reads on from `chunk[at]`, which is `start` for a new chunk and `end` after `data`. */
  next(chunk: Buffer, at: number): ChunkedStep {
    let i = at;
    for (; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      switch (this.#state) {
        case SIZE_FIRST: {
          const digit = HEX[byte] as number;
          if (digit < 0) return this.#refuse(SIZE_INVALID);
          this.lineStart = i;
          this.lineIsPlain = true;
          this.chunkSize = digit;
          this.#digits = 1;
          this.#extensionBytes = 0;
          this.#state = SIZE;
          break;
        }
        case SIZE: {
          const digit = HEX[byte] as number;
          if (digit >= 0) {
            if (this.chunkSize === 0) this.lineIsPlain = false;
            this.chunkSize = this.chunkSize * 16 + digit;
            if (++this.#digits > MAX_SIZE_DIGITS || this.chunkSize > Number.MAX_SAFE_INTEGER) {
              return this.#refuse(SIZE_OVERFLOW);
            }
          } else if (byte === CR) this.#state = SIZE_LF;
          else if (byte === SEMICOLON) {
            this.lineIsPlain = false;
            this.#state = EXTENSION_NAME_FIRST;
          } else return this.#refuse(SIZE_INVALID);
          break;
        }
        case SIZE_LF:
          if (byte !== LF) return this.#refuse(SIZE_INVALID);
          this.#extensionExcess = Math.max(0, this.#extensionExcess + this.#extensionBytes - 2 * this.chunkSize);
          if (this.#extensionExcess > MAX_EXTENSION_EXCESS) return this.#refuse(EXTENSION_TOO_LONG);
          this.#remaining = this.chunkSize;
          this.#state = this.chunkSize === 0 ? TRAILERS : DATA;
          break;
        case DATA:
          return this.#takeData(chunk, i);
        case DATA_CR:
          if (byte !== CR) return this.#refuse(DATA_UNTERMINATED);
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (byte !== LF) return this.#refuse(DATA_UNTERMINATED);
          this.#state = SIZE_FIRST;
          break;
        case TRAILERS:
          return this.#readTrailers(chunk, i);
        case DONE:
          this.end = i;
          return 'done';
        case REFUSED:
          return 'refused';
        default: {
          if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return this.#refuse(EXTENSION_TOO_LONG);
          const state = extensionStep(this.#state, byte);
          if (state === REFUSED) return this.#refuse(EXTENSION_INVALID);
          this.#state = state;
        }
      }
    }
    this.end = i;
    return this.#state === DONE ? 'done' : this.#state === REFUSED ? 'refused' : 'more';
  }

  #takeData(chunk: Buffer, at: number): ChunkedStep {
    const length = Math.min(this.#remaining, chunk.length - at);
    this.opensChunk = this.#remaining === this.chunkSize;
    this.#remaining -= length;
    this.payloadBytes += length;
    if (this.#remaining === 0) this.#state = DATA_CR;
    this.dataStart = at;
    this.dataEnd = at + length;
    this.end = this.dataEnd;
    return 'data';
  }

  #readTrailers(chunk: Buffer, at: number): ChunkedStep {
    // Nearly always the section is just its empty line.
    if (this.#trailerReader === null && chunk[at] === CR && chunk[at + 1] === LF) return this.#finish(at + 2);
    this.#trailerReader ??= createTrailerReader();
    const trailers = this.#trailerReader.read(chunk, at);
    if (trailers === undefined) {
      this.end = chunk.length;
      return 'more';
    }
    if (!trailers.ok) return this.#refuse(trailers);
    if (trailers.ids.length > 0) this.trailers = trailers;
    return this.#finish(this.#trailerReader.end);
  }

  #finish(end: number): ChunkedStep {
    this.#state = DONE;
    this.end = end;
    return 'done';
  }

  #refuse(refusal: Refusal): ChunkedStep {
    this.#state = REFUSED;
    this.refusal = refusal;
    return 'refused';
  }
}

function extensionStep(state: number, byte: number): number {
  switch (state) {
    case EXTENSION_NAME_FIRST:
      return TOKEN[byte] === 1 ? EXTENSION_NAME : REFUSED;
    case EXTENSION_NAME:
      if (TOKEN[byte] === 1) return EXTENSION_NAME;
      if (byte === EQUALS) return EXTENSION_VALUE_FIRST;
      return afterExtension(byte);
    case EXTENSION_VALUE_FIRST:
      if (byte === QUOTE) return EXTENSION_QUOTED;
      return TOKEN[byte] === 1 ? EXTENSION_TOKEN : REFUSED;
    case EXTENSION_TOKEN:
      return TOKEN[byte] === 1 ? EXTENSION_TOKEN : afterExtension(byte);
    case EXTENSION_QUOTED:
      if (byte === QUOTE) return EXTENSION_QUOTED_END;
      if (byte === BACKSLASH) return EXTENSION_ESCAPED;
      return QUOTED[byte] === 1 ? EXTENSION_QUOTED : REFUSED;
    case EXTENSION_ESCAPED:
      return QUOTED[byte] === 1 ? EXTENSION_QUOTED : REFUSED;
    default:
      return afterExtension(byte);
  }
}

function afterExtension(byte: number): number {
  if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
  return byte === CR ? SIZE_LF : REFUSED;
}

function hexTable(): Int8Array {
  const table = new Int8Array(256).fill(-1);
  for (let digit = 0; digit < 16; digit++) {
    const text = digit.toString(16);
    table[text.charCodeAt(0)] = digit;
    table[text.toUpperCase().charCodeAt(0)] = digit;
  }
  return table;
}

function characterTable(characters: string, alphanumeric: boolean): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  for (let code = 0; alphanumeric && code < 128; code++) {
    if (/[0-9A-Za-z]/.test(String.fromCharCode(code))) table[code] = 1;
  }
  return table;
}

/** Characters of a quoted-string, and behind its backslash: no control character but the tab. */
function quotedTable(): Uint8Array {
  const table = new Uint8Array(256).fill(1, 0x20);
  table[0x09] = 1;
  table[0x7f] = 0;
  return table;
}
