/** Bytes of one writer's queue. */
const QUEUE_BYTES = 1 << 16;
const HEADER_WORDS = 16;
const TAKEN = 0;
const PUT = 8;
/** Before each call: its length in bytes, the cell, and the cell's key. */
const CALL_WORDS = 4;

/** What a worker tells the main thread of a cell. */
export interface LeaseCall {
  readonly cell: number;
  readonly lo: number;
  readonly hi: number;
  /** What the cell's key stands for; empty: it was told before. */
  readonly text: string;
}

export function createLeaseQueues(writers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(writers * (HEADER_WORDS * 4 + QUEUE_BYTES));
}

/**
 * Calls of one worker to the main thread: a queue in shared memory with one who puts and one who takes. What does not fit is not
 * put; whoever depends on it calls again.
 */
export class LeaseCalls {
  readonly #header: Int32Array<SharedArrayBuffer>;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;

  constructor(queues: SharedArrayBuffer, writer: number) {
    const at = writer * (HEADER_WORDS * 4 + QUEUE_BYTES);
    this.#header = new Int32Array(queues, at, HEADER_WORDS);
    this.#words = new Int32Array(queues, at + HEADER_WORDS * 4, QUEUE_BYTES / 4);
    this.#bytes = new Uint8Array(queues, at + HEADER_WORDS * 4, QUEUE_BYTES);
  }

  /** False: there is no room. */
  put(cell: number, lo: number, hi: number, text: string): boolean {
    const bytes = Buffer.from(text);
    const words = CALL_WORDS + Math.ceil(bytes.length / 4);
    const put = Atomics.load(this.#header, PUT);
    const used = (put - Atomics.load(this.#header, TAKEN)) | 0;
    const size = this.#words.length;
    if (used + words > size) return false;
    this.#write(put, bytes.length);
    this.#write(put + 1, cell);
    this.#write(put + 2, lo);
    this.#write(put + 3, hi);
    for (let i = 0; i < bytes.length; i++) {
      this.#bytes[(((put + CALL_WORDS) & (size - 1)) * 4 + i) & (QUEUE_BYTES - 1)] = bytes[i]!;
    }
    Atomics.store(this.#header, PUT, (put + words) | 0);
    return true;
  }

  /** The next call, or undefined. */
  take(): LeaseCall | undefined {
    const taken = Atomics.load(this.#header, TAKEN);
    if (taken === Atomics.load(this.#header, PUT)) return undefined;
    const size = this.#words.length;
    const length = this.#read(taken);
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i++) {
      bytes[i] = this.#bytes[(((taken + CALL_WORDS) & (size - 1)) * 4 + i) & (QUEUE_BYTES - 1)]!;
    }
    const call = {
      cell: this.#read(taken + 1),
      lo: this.#read(taken + 2),
      hi: this.#read(taken + 3),
      text: bytes.toString(),
    };
    Atomics.store(this.#header, TAKEN, (taken + CALL_WORDS + Math.ceil(length / 4)) | 0);
    return call;
  }

  #write(at: number, word: number): void {
    this.#words[at & (this.#words.length - 1)] = word;
  }

  #read(at: number): number {
    return this.#words[at & (this.#words.length - 1)]!;
  }
}
