import type { Socket } from 'node:net';
import { readDirectly } from '../upstream/read-directly.ts';

/** How much is read from a socket at once. */
const SHARED_BYTES = 64 * 1024;
/** The same while much comes: fewer, larger reads and writes. */
const BULK_BYTES = 256 * 1024;
/** Bulk buffers kept for the next connection that needs one. */
const MAX_SPARE = 32;
/** Connections that go on with a bulk buffer while they rest. */
const MAX_RESTING = 32;
/** Connections that have a bulk buffer to read into; the others do with the shared one. */
const MAX_BULK_READERS = 256;
/** Chunks up to this are made once. */
const MAX_SHARED_CHUNK = 1024;

/** What the sockets of this thread read into, unless much comes: reading a message allocates nothing. */
const shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
const spare: Buffer[] = [];
let resting = 0;
let bulkReaders = 0;
/** The first bytes of the shared buffer, by their number, for small messages: the same object for every chunk of a length. */
const sharedChunks: (Buffer | undefined)[] = new Array(MAX_SHARED_CHUNK + 1).fill(undefined);

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
  readonly #onChunk: (chunk: Buffer) => void;
  #current: Buffer = shared;
  #isFirst = true;
  #kept = false;
  #bulk = false;
  /** Much came of the present message. */
  #large = false;
  #resting = false;

  constructor(onChunk: (chunk: Buffer) => void) {
    this.#onChunk = onChunk;
    this.onread = {
      // The type leaves out that nothing is an answer as well: the buffer stays.
      buffer: () => this.#next() as Buffer,
      callback: (length) => {
        this.#pass(length);
        return true;
      },
    };
  }

  /** The connection of `socket`, which was made with this `onread`, is there. */
  attach(socket: Socket): void {
    readDirectly(socket, (length) => {
      this.#pass(length);
      return this.#next();
    });
  }

  /** The chunk at hand is still being written. */
  keep(): void {
    this.#kept = true;
  }

  /**
   * A message is over and the next has not begun. A connection that waits holds no large buffer, but for a few on which much came
   * of the message before: the next is likely to be alike.
   */
  rest(): void {
    this.#bulk = this.#large && resting < MAX_RESTING;
    this.#large = false;
    if (!this.#bulk || this.#resting) return;
    this.#resting = true;
    resting++;
  }

  /** The next read is to be a small one, whatever came before. */
  shrink(): void {
    this.#bulk = false;
    this.#large = false;
  }

  /** The socket is closed. */
  release(): void {
    this.#wake();
    this.#giveBack();
    this.#current = shared;
    // It may be the chunk at hand that closes it: no buffer is taken for a next one.
    this.#bulk = false;
  }

  #pass(length: number): void {
    const current = this.#current;
    this.#kept = false;
    if (this.#resting) this.#wake();
    this.#bulk = length === current.length || (current !== shared && length * 8 > BULK_BYTES);
    this.#large ||= this.#bulk;
    this.#onChunk(current === shared ? sharedChunk(length) : current.subarray(0, length));
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
    } else if (before === shared) {
      if (bulkReaders >= MAX_BULK_READERS) return undefined;
      bulkReaders++;
      this.#current = spare.pop() ?? Buffer.allocUnsafeSlow(BULK_BYTES);
    } else if (this.#kept) {
      this.#current = spare.pop() ?? Buffer.allocUnsafeSlow(BULK_BYTES);
    }
    return this.#current === before ? undefined : this.#current;
  }

  #wake(): void {
    if (!this.#resting) return;
    this.#resting = false;
    resting--;
  }

  #giveBack(): void {
    if (this.#current !== shared) bulkReaders--;
    if (this.#current !== shared && !this.#kept && spare.length < MAX_SPARE) spare.push(this.#current);
    this.#kept = true;
  }
}

function sharedChunk(length: number): Buffer {
  if (length > MAX_SHARED_CHUNK) return shared.subarray(0, length);
  const known = sharedChunks[length];
  if (known !== undefined) return known;
  const chunk = shared.subarray(0, length);
  sharedChunks[length] = chunk;
  return chunk;
}

/** Whether the bytes stand in the buffer that every socket's next read overwrites. */
export function isFleeting(bytes: Buffer): boolean {
  return bytes.buffer === shared.buffer;
}
