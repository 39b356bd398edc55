import {
  ChunkedDecoder,
  LengthBody,
  type Refusal,
  type RequestHead,
  readChunked,
  relayChunked,
} from '../../http1/index.ts';

const NOTHING = Buffer.alloc(0);

/** The body of one request as it comes in, in the form in which it is sent on. Reusable: `begin` starts the next one. */
export class RequestBody {
  /** The whole body has come. */
  received = true;
  /** What of the chunk last taken is to be sent on: a view of that chunk, or empty. */
  bytes: Buffer = NOTHING;
  /** Payload bytes so far. */
  payloadBytes = 0;
  /** Why the body cannot be read on. */
  refusal: Refusal | null = null;
  readonly #length = new LengthBody();
  #chunked: ChunkedDecoder | null = null;
  #isChunked = false;
  #keepTrailers = true;
  /** `bytes` holds what the body says, without the framing of chunks. */
  isPayload = false;

  begin(head: RequestHead): void {
    this.bytes = NOTHING;
    this.payloadBytes = 0;
    this.refusal = null;
    this.received = head.body === 'none';
    this.#isChunked = head.body === 'chunked';
    this.#keepTrailers = true;
    this.isPayload = false;
    if (head.body === 'length') this.#length.begin(head.contentLength);
    if (this.#isChunked) {
      this.#chunked ??= new ChunkedDecoder();
      this.#chunked.begin();
    }
  }

  /** Where header fields are taken out by name, none may come back behind the body. */
  dropTrailers(): void {
    this.#keepTrailers = false;
  }

  /** Called before any of it is taken: `bytes` is then payload alone. */
  takePayload(): void {
    this.isPayload = true;
  }

  /** Bytes known to be still to come; Infinity where only the body's end tells. */
  get remainingBytes(): number {
    if (this.received) return 0;
    return this.#isChunked ? Number.POSITIVE_INFINITY : this.#length.remaining;
  }

  /** Takes what of `chunk[at..]` belongs to the body and gives the offset behind it. Sets `bytes`, `received` and `refusal`. */
  take(chunk: Buffer, at: number): number {
    if (this.#isChunked) return this.#takeChunked(this.#chunked as ChunkedDecoder, chunk, at);
    const end = this.#length.take(chunk, at);
    this.payloadBytes += end - at;
    this.bytes = end - at === chunk.length ? chunk : chunk.subarray(at, end);
    this.received = this.#length.done;
    return end;
  }

  #takeChunked(decoder: ChunkedDecoder, chunk: Buffer, at: number): number {
    const taken = this.isPayload
      ? readChunked(decoder, chunk, at)
      : relayChunked(decoder, chunk, at, this.#keepTrailers);
    if (!taken.ok) {
      this.refusal = taken;
      this.bytes = NOTHING;
      return chunk.length;
    }
    this.payloadBytes = decoder.payloadBytes;
    this.bytes = taken.bytes;
    this.received = taken.done;
    return taken.end;
  }
}
