/** How far a writer's lines may be ahead of the main thread, bytes. */
export const LINE_RING_BYTES = 1 << 20;
/** A line that is longer is not taken. */
export const MAX_LINE_BYTES = 1 << 14;
/** The two positions stand on cache lines of their own. */
const HEADER_WORDS = 32;
const PUT = 0;
const TAKEN = 16;
const LINE_FEED = 0x0a;

/** One per writer. Pages that nobody wrote to cost nothing. */
export function createLineRings(writers: number): readonly SharedArrayBuffer[] {
  return Array.from({ length: writers }, () => new SharedArrayBuffer(HEADER_WORDS * 4 + LINE_RING_BYTES));
}

/**
 * Lines of one worker on their way to the main thread: a ring of bytes in shared memory with one who puts and one who takes. What does
 * not fit is not put. Lines that a worker had put when it crashed are still taken, and its successor goes on behind them.
 */
export class LineRing {
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Buffer<SharedArrayBuffer>;

  constructor(ring: SharedArrayBuffer) {
    this.#header = new Int32Array(ring, 0, HEADER_WORDS);
    this.#bytes = Buffer.from(ring, HEADER_WORDS * 4, LINE_RING_BYTES);
  }

  /** Of ASCII characters, the last and only the last of them a line feed. False: there is no room. */
  put(line: string): boolean {
    const { length } = line;
    const put = Atomics.load(this.#header, PUT);
    const used = (put - Atomics.load(this.#header, TAKEN)) | 0;
    if (length > MAX_LINE_BYTES || used + length > LINE_RING_BYTES) return false;
    const at = put & (LINE_RING_BYTES - 1);
    const toEnd = LINE_RING_BYTES - at;
    if (length <= toEnd) {
      this.#bytes.write(line, at, length, 'latin1');
    } else {
      this.#bytes.write(line.slice(0, toEnd), at, toEnd, 'latin1');
      this.#bytes.write(line.slice(toEnd), 0, length - toEnd, 'latin1');
    }
    // Only now is it there: a worker that ends in between leaves no part of a line.
    Atomics.store(this.#header, PUT, (put + length) | 0);
    return true;
  }

  /** The oldest lines, whole, as many as fit into `most` bytes, which is MAX_LINE_BYTES at least. Undefined: there are none. */
  take(most: number): Buffer | undefined {
    const taken = Atomics.load(this.#header, TAKEN);
    const used = (Atomics.load(this.#header, PUT) - taken) | 0;
    if (used === 0) return undefined;
    let bytes = this.#copy(taken & (LINE_RING_BYTES - 1), Math.min(used, most));
    if (bytes.length < used) bytes = bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1);
    Atomics.store(this.#header, TAKEN, (taken + bytes.length) | 0);
    return bytes;
  }

  #copy(at: number, length: number): Buffer {
    const copy = Buffer.allocUnsafe(length);
    const toEnd = Math.min(length, LINE_RING_BYTES - at);
    this.#bytes.copy(copy, 0, at, at + toEnd);
    this.#bytes.copy(copy, toEnd, 0, length - toEnd);
    return copy;
  }
}
