const FIN = 0x80;
const CLOSE = 0x8;
const CONTROL = 0x8;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const LONGEST_CONTROL = 125;
const LONGEST_HEADER = 14;
/** Opcodes that are defined (RFC 6455 11.8): continuation, text, binary; close, ping, pong. */
const DEFINED = 0b0000_0111_0000_0111;

/**
 * Knows of the bytes that go one way whether they stand between two WebSocket frames (RFC 6455 5.2): there another frame may be put
 * in, a control frame also between the fragments of a message. Reads the frames' headers alone: the cost is of their number, not of
 * their bytes. It refuses nothing: where the bytes are no frames it is lost, for good.
 */
export class FrameTracker {
  /** A whole Close frame has passed. */
  closeSeen = false;
  /** What passes is not a WebSocket's. */
  lost = false;
  readonly #masked: boolean;
  /** Bytes of the frame's payload still to come. */
  #left = 0;
  /** A header cut by the end of a chunk. */
  #cut: Buffer | null = null;
  #cutLength = 0;
  #isClose = false;

  /** `masked`: the frames are a client's (RFC 6455 5.1). */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  get atBoundary(): boolean {
    return this.#left === 0 && this.#cutLength === 0 && !this.lost;
  }

  /** Bytes have passed. */
  take(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) at = this.takeFrame(chunk, at);
  }

  /** Bytes have passed, up to the end of the present frame: gives the offset behind it, or the chunk's end where that comes first. */
  takeFrame(chunk: Uint8Array, start: number): number {
    let at = start;
    if (this.#left === 0) {
      at = this.#takeHeader(chunk, at);
      if (this.lost || this.#cutLength > 0) return chunk.length;
    }
    const step = Math.min(this.#left, chunk.length - at);
    this.#left -= step;
    if (this.#left === 0 && this.#isClose) this.closeSeen = true;
    return at + step;
  }

  #takeHeader(chunk: Uint8Array, start: number): number {
    if (this.lost) return chunk.length;
    if (this.#cutLength === 0) {
      const length = headerLength(chunk, start);
      if (start + length <= chunk.length) {
        this.#read(chunk, start);
        return start + length;
      }
    }
    return this.#completeCut(chunk, start);
  }

  #completeCut(chunk: Uint8Array, start: number): number {
    this.#cut ??= Buffer.alloc(LONGEST_HEADER);
    const cut = this.#cut;
    for (let at = start; at < chunk.length; ) {
      cut[this.#cutLength++] = chunk[at++] as number;
      if (this.#cutLength >= 2 && this.#cutLength === headerLength(cut, 0)) {
        this.#cutLength = 0;
        this.#read(cut, 0);
        return at;
      }
    }
    return chunk.length;
  }

  /** A whole header. */
  #read(bytes: Uint8Array, at: number): void {
    const first = bytes[at] as number;
    const opcode = first & 0x0f;
    const second = bytes[at + 1] as number;
    const length = payloadLength(bytes, at);
    const known = (DEFINED & (1 << opcode)) !== 0 && ((second & MASKED) !== 0) === this.#masked;
    const isBadControl = (opcode & CONTROL) !== 0 && ((first & FIN) === 0 || length > LONGEST_CONTROL);
    if (!known || isBadControl || length > Number.MAX_SAFE_INTEGER) {
      this.lost = true;
      return;
    }
    this.#left = length;
    this.#isClose = opcode === CLOSE;
  }
}

/** Of the header that begins at `at`; 2 while its second byte is not there. */
function headerLength(bytes: Uint8Array, at: number): number {
  if (at + 1 >= bytes.length) return 2;
  const second = bytes[at + 1] as number;
  const short = second & ~MASKED;
  const mask = (second & MASKED) === 0 ? 0 : 4;
  return 2 + mask + (short === LENGTH_16 ? 2 : short === LENGTH_64 ? 8 : 0);
}

function payloadLength(bytes: Uint8Array, at: number): number {
  const short = (bytes[at + 1] as number) & ~MASKED;
  if (short === LENGTH_16) return ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
  if (short !== LENGTH_64) return short;
  let length = 0;
  for (let i = at + 2; i < at + 10; i++) length = length * 256 + (bytes[i] as number);
  return length;
}
