import * as http1 from '@sluice/data-plane/http1';
import type { Message, Reading } from './http1-message.ts';

/** Where the bytes of a connection are split: offsets, ascending. */
export type Splits = readonly number[];

/** Reads a connection as a server of requests would, with Sluice's codec. `why` is `truncated` where it only ended too early. */
export function readRequests(bytes: Buffer, splits: Splits = []): Reading {
  return receive(bytes, splits, () => {});
}

/**
 * The connection to an upstream on which the requests of this one were passed on: heads written anew, chunked bodies
 * relayed. Only what was complete is in it.
 */
export function forwardRequests(bytes: Buffer, splits: Splits = []): Buffer {
  const writer = new http1.HeadWriter();
  let forwarded = '';
  receive(bytes, splits, (head, body) => {
    writer.request(head.method, head.path, head.host);
    writer.forward(head, http1.REQUEST_DROP);
    if (head.body === 'chunked') writer.chunked();
    else if (head.contentLength >= 0) writer.contentLength(head.contentLength);
    forwarded += `${writer.end()}${head.body === 'chunked' ? body.relayed : body.text}`;
  });
  return Buffer.from(forwarded, 'latin1');
}

function receive(
  bytes: Buffer,
  splits: Splits,
  onRequest: (head: http1.RequestHead, body: BodyReader) => void,
): Reading {
  const reader = http1.createRequestHeadReader();
  const body = new BodyReader();
  const messages: Message[] = [];
  let head: http1.RequestHead | null = null;
  let closed = false;
  for (const chunk of pieces(bytes, splits)) {
    for (let at = 0; at < chunk.length; ) {
      if (closed) return { messages, clean: false, why: 'bytes after the last request' };
      if (head === null) {
        const read = reader.read(chunk, at);
        if (read === undefined) break;
        if (!read.ok) return { messages, clean: false, why: `${read.code}: ${read.detail}` };
        head = read;
        at = reader.end;
        body.begin(head.body, head.contentLength);
      }
      if (!body.done) {
        const end = body.read(chunk, at);
        if (typeof end !== 'number') return { messages, clean: false, why: `${end.code}: ${end.detail}` };
        at = end;
      }
      if (!body.done) break;
      const start = `${head.method} ${head.target} 1.${head.minor}`;
      messages.push({ start, headers: head.headers, body: body.text });
      onRequest(head, body);
      closed = !head.keepAlive;
      head = null;
    }
  }
  const clean = head === null && !reader.started;
  return { messages, clean, why: clean ? '' : 'truncated' };
}

/**
 * Reads a connection as a client would that sent the requests with these methods: interim responses, then the final one,
 * and on to the next request's where the connection is kept alive.
 */
export function readResponses(bytes: Buffer, methods: readonly string[], splits: Splits = []): Reading {
  const reader = new http1.ResponseHeadReader();
  const body = new BodyReader();
  const messages: Message[] = [];
  let head: http1.ResponseHead | null = null;
  let answered = 0;
  let closed = false;
  for (const chunk of pieces(bytes, splits)) {
    for (let at = 0; at < chunk.length; ) {
      const method = methods[answered];
      if (closed || method === undefined) return { messages, clean: false, why: 'bytes after the last response' };
      if (head === null) {
        const read = reader.read(chunk, at, method);
        if (read === undefined) break;
        if (!read.ok) return { messages, clean: false, why: `${read.code}: ${read.detail}` };
        head = read;
        at = reader.end;
        body.begin(head.body, head.contentLength);
      }
      if (!body.done) {
        const end = body.read(chunk, at);
        if (typeof end !== 'number') return { messages, clean: false, why: `${end.code}: ${end.detail}` };
        at = end;
      }
      if (!body.done) break;
      messages.push(responseMessage(head, body.text));
      if (head.status >= 200) {
        answered++;
        closed = !head.keepAlive;
      } else if (head.status === 101) return { messages, clean: true, why: '' };
      head = null;
    }
  }
  if (head?.body === 'close') {
    messages.push(responseMessage(head, body.text));
    return { messages, clean: true, why: '' };
  }
  const clean = head === null && !reader.started && answered > 0;
  return { messages, clean, why: clean ? '' : 'truncated' };
}

function responseMessage(head: http1.ResponseHead, body: string): Message {
  return { start: `${head.status} 1.${head.minor}`, headers: head.headers, body };
}

/** Collects the bodies of a connection, one after another, of any kind. */
class BodyReader {
  text = '';
  /** Of a chunked body, what would be sent on. */
  relayed = '';
  done = true;
  #kind: http1.BodyKind = 'none';
  readonly #length = new http1.LengthBody();
  readonly #chunked = new http1.ChunkedDecoder();
  readonly #relay = new http1.ChunkedDecoder();

  begin(kind: http1.BodyKind, contentLength: number): void {
    this.text = '';
    this.done = kind === 'none';
    this.#kind = kind;
    if (kind === 'length') this.#length.begin(contentLength);
    this.relayed = '';
    if (kind === 'chunked') {
      this.#chunked.begin();
      this.#relay.begin();
    }
  }

  read(chunk: Buffer, start: number): number | http1.Refusal {
    if (this.#kind === 'chunked') return this.#readChunked(chunk, start);
    const end = this.#kind === 'length' ? this.#length.take(chunk, start) : chunk.length;
    this.text += chunk.toString('latin1', start, end);
    this.done = this.#kind === 'length' && this.#length.done;
    return end;
  }

  #readChunked(chunk: Buffer, start: number): number | http1.Refusal {
    const decoder = this.#chunked;
    for (let at = start; ; at = decoder.end) {
      const step = decoder.next(chunk, at);
      if (step === 'refused') return decoder.refusal as http1.Refusal;
      if (step !== 'data') break;
      this.text += chunk.toString('latin1', decoder.dataStart, decoder.dataEnd);
    }
    this.done = decoder.done;
    const relayed = http1.relayChunked(this.#relay, chunk, start, true);
    if (!relayed.ok) return relayed;
    this.relayed += relayed.bytes.toString('latin1');
    return decoder.end;
  }
}

function* pieces(bytes: Buffer, splits: Splits): Generator<Buffer> {
  let from = 0;
  for (const to of [...splits, bytes.length]) {
    // A copy at another offset of its memory, as a socket would give it, and so that no piece can be read beyond.
    if (to > from) yield Buffer.from(bytes.subarray(from, to));
    from = to;
  }
}
