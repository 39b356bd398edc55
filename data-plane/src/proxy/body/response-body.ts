import {
  CHUNK_END,
  CHUNKED_END,
  ChunkedDecoder,
  chunkHeader,
  LengthBody,
  type Refusal,
  type Relayed,
  type ResponseHead,
  readChunked,
  relayChunked,
} from '../../http1/index.ts';

/** How a response's body goes to the client: what comes from the upstream, and what is made of it. */
type Relay =
  | 'none'
  /** As it comes, a known number of bytes. */
  | 'length'
  /** Chunked as it comes. */
  | 'chunked'
  /** Chunked from the upstream, until close to a client of HTTP/1.0. */
  | 'unchunk'
  /** Until close from the upstream, chunked to the client. */
  | 'enchunk'
  /** Until close on both sides. */
  | 'close';

const NOTHING = Buffer.alloc(0);

/** The body of one response on its way to the client. Reusable: `begin` starts the next one. */
export class ResponseBody {
  relay: Relay = 'none';
  /** The upstream's body is complete. */
  received = true;
  /** What of the chunk last taken is to be sent: usually a view of that chunk; empty where nothing is. */
  bytes: Buffer = NOTHING;
  /** The upstream's framing is broken. */
  malformed = false;
  readonly #length = new LengthBody();
  #chunked: ChunkedDecoder | null = null;
  #keepTrailers = false;

  /** `keepTrailers`: the client takes them. `minor`: of the client's HTTP version. */
  begin(head: ResponseHead, minor: 0 | 1, keepTrailers: boolean): void {
    this.bytes = NOTHING;
    this.malformed = false;
    this.received = head.body === 'none';
    this.#keepTrailers = keepTrailers;
    switch (head.body) {
      case 'none':
        this.relay = 'none';
        break;
      case 'length':
        this.relay = 'length';
        this.#length.begin(head.contentLength);
        break;
      case 'chunked':
        this.relay = minor === 1 ? 'chunked' : 'unchunk';
        this.#chunked ??= new ChunkedDecoder();
        this.#chunked.begin();
        break;
      case 'close':
        this.relay = minor === 1 ? 'enchunk' : 'close';
        break;
      default:
        head.body satisfies never;
    }
  }

  /** The client learns the end of the body only from the end of the connection. */
  get endsWithConnection(): boolean {
    return this.relay === 'close' || this.relay === 'unchunk';
  }

  /** The upstream's end of connection is the end of the body. */
  get endsWithUpstream(): boolean {
    return this.relay === 'close' || this.relay === 'enchunk';
  }

  /** Takes what of `chunk[at..]` belongs to the body and gives the offset behind it. Sets `bytes`, `received`, `malformed`. */
  take(chunk: Buffer, at: number): number {
    switch (this.relay) {
      case 'length':
        return this.#takeLength(chunk, at);
      case 'chunked':
        return this.#takeChunked(relayChunked(this.#chunked as ChunkedDecoder, chunk, at, this.#keepTrailers), chunk);
      case 'unchunk':
        return this.#takeChunked(readChunked(this.#chunked as ChunkedDecoder, chunk, at), chunk);
      case 'enchunk':
        this.bytes = at === chunk.length ? NOTHING : asChunk(chunk, at);
        return chunk.length;
      case 'close':
        this.bytes = chunk.subarray(at);
        return chunk.length;
      case 'none':
        this.bytes = NOTHING;
        return at;
      default:
        return this.relay satisfies never;
    }
  }

  /** The upstream has ended where that ends the body; gives what is still to be sent. */
  finish(): string {
    this.received = true;
    return this.relay === 'enchunk' ? CHUNKED_END : '';
  }

  #takeLength(chunk: Buffer, at: number): number {
    const end = this.#length.take(chunk, at);
    this.bytes = end - at === chunk.length ? chunk : chunk.subarray(at, end);
    this.received = this.#length.done;
    return end;
  }

  #takeChunked(taken: Relayed | Refusal, chunk: Buffer): number {
    if (!taken.ok) {
      this.malformed = true;
      this.bytes = NOTHING;
      return chunk.length;
    }
    this.bytes = taken.bytes;
    this.received = taken.done;
    return taken.end;
  }
}

function asChunk(chunk: Buffer, at: number): Buffer {
  const header = chunkHeader(chunk.length - at);
  const framed = Buffer.allocUnsafe(header.length + (chunk.length - at) + CHUNK_END.length);
  framed.write(header, 0, 'latin1');
  chunk.copy(framed, header.length, at);
  framed.write(CHUNK_END, framed.length - CHUNK_END.length, 'latin1');
  return framed;
}
