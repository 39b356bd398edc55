/**
 * A lenient HTTP/1.1 reader for tests: it believes what it is sent and keeps the bytes. It shares nothing with the
 * gateway's own codec, whose mistakes it must not repeat.
 */

export type Head = {
  readonly startLine: string;
  /** As sent: order, case and duplicates kept. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The first value of a header, by name without regard to case. */
  readonly header: (name: string) => string | undefined;
};

export type HttpMessage = Head & {
  readonly body: Buffer;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Every byte from the start line to the end of the body. */
  readonly raw: Buffer;
  /** True where the connection ended before the message did. */
  readonly truncated: boolean;
};

export type HttpResponse = HttpMessage & { readonly status: number };

export type HttpReaderOptions = {
  readonly kind: 'request' | 'response';
  /** Whether the message has no body whatever its headers say: the answer to a HEAD. 1xx, 204 and 304 never have one. */
  readonly isBodyless?: (head: Head) => boolean;
};

type Framing =
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'untilClose' };

export class HttpReader {
  /** The head of the message under way, once it is complete. */
  head: Head | undefined;
  #options: HttpReaderOptions;
  #buffer: Buffer = Buffer.alloc(0);
  #bodyStart = 0;
  #framing: Framing = { kind: 'length', bytes: 0 };
  /** Where the next chunk's size line begins, and the data of those before it. */
  #chunkStart = 0;
  #chunks: Buffer[] = [];

  constructor(options: HttpReaderOptions) {
    this.#options = options;
  }

  /** Bytes of a message that is not complete. */
  get pendingBytes(): number {
    return this.#buffer.length;
  }

  push(bytes: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
    this.#readHead();
  }

  /** The next complete message, if there is one. */
  take(): HttpMessage | undefined {
    if (this.head === undefined) return undefined;
    if (this.#framing.kind === 'chunked') return this.#takeChunked();
    if (this.#framing.kind === 'untilClose') return undefined;
    const end = this.#bodyStart + this.#framing.bytes;
    if (this.#buffer.length < end) return undefined;
    return this.#complete(this.#buffer.subarray(this.#bodyStart, end), [], end, false);
  }

  /** The connection has ended: what is left of the message under way, or undefined between messages. */
  finish(): HttpMessage | undefined {
    if (this.head === undefined) return undefined;
    const body =
      this.#framing.kind === 'chunked' ? Buffer.concat(this.#chunks) : this.#buffer.subarray(this.#bodyStart);
    return this.#complete(body, [], this.#buffer.length, this.#framing.kind !== 'untilClose');
  }

  #readHead(): void {
    if (this.head !== undefined) return;
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end === -1) return;
    const [startLine = '', ...lines] = this.#buffer.toString('latin1', 0, end).split('\r\n');
    const headers = lines.map(parseLine);
    const header = (name: string) => findHeader(headers, name);
    this.head = { startLine, headers, header };
    this.#bodyStart = end + 4;
    this.#chunkStart = this.#bodyStart;
    this.#chunks = [];
    this.#framing = this.#findFraming(this.head);
  }

  #findFraming(head: Head): Framing {
    const status = this.#options.kind === 'response' ? statusOf(head) : undefined;
    const bodyless = status !== undefined && (status < 200 || status === 204 || status === 304);
    if (bodyless || this.#options.isBodyless?.(head)) return { kind: 'length', bytes: 0 };
    if (/\bchunked\s*$/i.test(head.header('transfer-encoding') ?? '')) return { kind: 'chunked' };
    const length = head.header('content-length');
    if (length !== undefined) return { kind: 'length', bytes: Number.parseInt(length, 10) };
    return this.#options.kind === 'request' ? { kind: 'length', bytes: 0 } : { kind: 'untilClose' };
  }

  #takeChunked(): HttpMessage | undefined {
    for (;;) {
      const lineEnd = this.#buffer.indexOf('\r\n', this.#chunkStart);
      if (lineEnd === -1) return undefined;
      const size = Number.parseInt(this.#buffer.toString('latin1', this.#chunkStart, lineEnd), 16);
      if (size === 0) return this.#takeTrailers(lineEnd);
      const dataEnd = lineEnd + 2 + size;
      if (this.#buffer.length < dataEnd + 2) return undefined;
      this.#chunks.push(this.#buffer.subarray(lineEnd + 2, dataEnd));
      this.#chunkStart = dataEnd + 2;
    }
  }

  #takeTrailers(lastChunkLineEnd: number): HttpMessage | undefined {
    const end = this.#buffer.indexOf('\r\n\r\n', lastChunkLineEnd);
    if (end === -1) return undefined;
    const text = this.#buffer.toString('latin1', lastChunkLineEnd + 2, end);
    const trailers = text === '' || end === lastChunkLineEnd ? [] : text.split('\r\n').map(parseLine);
    return this.#complete(Buffer.concat(this.#chunks), trailers, end + 4, false);
  }

  #complete(body: Buffer, trailers: HttpMessage['trailers'], end: number, truncated: boolean): HttpMessage {
    const message = { ...this.head!, body, trailers, raw: this.#buffer.subarray(0, end), truncated };
    this.head = undefined;
    this.#buffer = this.#buffer.subarray(end);
    this.#readHead();
    return message;
  }
}

/** The status code of a response's head. */
export function statusOf(head: Head): number {
  return Number(head.startLine.split(' ')[1]);
}

/** Strings become bytes, one for each character unless `utf8` is asked for. */
export function toBytes(value: string | Buffer, encoding: 'latin1' | 'utf8' = 'latin1'): Buffer {
  return typeof value === 'string' ? Buffer.from(value, encoding) : value;
}

export type HeaderInit = Readonly<Record<string, string>> | readonly (readonly [name: string, value: string])[];

/** Header lines with their line ends, in the order given. */
export function formatHeaders(headers: HeaderInit): string {
  const pairs = Array.isArray(headers) ? (headers as readonly (readonly [string, string])[]) : Object.entries(headers);
  return pairs.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}

function parseLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function findHeader(headers: Head['headers'], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find(([found]) => found.toLowerCase() === wanted)?.[1];
}
