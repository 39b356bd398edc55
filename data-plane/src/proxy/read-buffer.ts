/** How much is read from a socket at once. */
const SHARED_BYTES = 64 * 1024;
/** The same while much comes: fewer, larger reads and writes. */
const BULK_BYTES = 256 * 1024;
/** Bulk buffers kept for the next connection that needs one. */
const MAX_SPARE = 32;

/** What the sockets of this thread read into, unless much comes: reading a message allocates nothing. */
const shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
const spare: Buffer[] = [];

/**
 * What one socket reads into. A chunk is valid until the call that brings it returns; who writes it to another socket that does not
 * take it at once says `keep`, and who keeps it otherwise copies it.
 */
export class ReadBuffer {
  /** As `onread` of a socket. */
  readonly onread: {
    readonly buffer: () => Buffer;
    readonly callback: (length: number, buffer: Uint8Array) => boolean;
  };
  #current: Buffer = shared;
  #isFirst = true;
  #kept = false;
  #bulk = false;

  constructor(onChunk: (chunk: Buffer) => void) {
    this.onread = {
      // The type leaves out that nothing is an answer as well: the buffer stays.
      buffer: () => this.#next() as Buffer,
      callback: (length) => {
        this.#kept = false;
        this.#bulk = length === this.#current.length || (this.#current !== shared && length * 8 > BULK_BYTES);
        onChunk(this.#current.subarray(0, length));
        return true;
      },
    };
  }

  /** The chunk at hand is still being written. */
  keep(): void {
    this.#kept = true;
  }

  /** No more is expected for now: a connection that waits holds no large buffer. */
  rest(): void {
    this.#bulk = false;
  }

  /** The socket is closed. */
  release(): void {
    this.#giveBack();
    this.#current = shared;
  }

  /** What to read into next, undefined for what it was. */
  #next(): Buffer | undefined {
    if (this.#isFirst) {
      this.#isFirst = false;
      return shared;
    }
    const before = this.#current;
    if (!this.#bulk) {
      if (before === shared) return undefined;
      this.#giveBack();
      this.#current = shared;
    } else if (before === shared || this.#kept) {
      this.#current = spare.pop() ?? Buffer.allocUnsafeSlow(BULK_BYTES);
    }
    return this.#current === before ? undefined : this.#current;
  }

  #giveBack(): void {
    if (this.#current !== shared && !this.#kept && spare.length < MAX_SPARE) spare.push(this.#current);
    this.#kept = true;
  }
}

/** The bytes themselves, or a copy where they stand in the buffer that every socket's next read overwrites. */
export function owned(bytes: Buffer): Buffer {
  return bytes.buffer === shared.buffer ? Buffer.from(bytes) : bytes;
}
