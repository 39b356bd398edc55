/** What the bodies that one worker holds whole may take together. */
export const HELD_BODIES_BYTES = 64 * 1024 * 1024;
/** What the answers that one worker takes into the cache may take together until all of them has come. */
export const CACHED_BODIES_BYTES = 32 * 1024 * 1024;
/** What the bodies of the copies that one worker sends may take together. */
export const MIRRORED_BODIES_BYTES = 16 * 1024 * 1024;
/** What the bodies that one worker keeps copies of, for schemas in dry run, may take together. */
export const REHEARSED_BODIES_BYTES = 16 * 1024 * 1024;

/** Bytes that many bodies share. */
export class BodyBudget {
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  reserve(bytes: number): boolean {
    if (bytes > this.#leftBytes) return false;
    this.#leftBytes -= bytes;
    return true;
  }

  release(bytes: number): void {
    this.#leftBytes += bytes;
  }
}

const MIN_CAPACITY = 4096;
const NOTHING = Buffer.alloc(0);

/**
 * A body that is held until all of it has come. What it takes is at most twice what came, whatever was announced and in whatever pieces.
 */
export class WholeBody {
  /** As it goes on; valid once it is complete. A view of what was read where nothing had to be kept. */
  bytes: Buffer = NOTHING;
  /** It goes on without the encoding in which it came. */
  decoded = false;
  readonly maxBytes: number;
  readonly #budget: BodyBudget;
  #buffer: Buffer = NOTHING;
  #length = 0;

  constructor(budget: BodyBudget, maxBytes: number) {
    this.#budget = budget;
    this.maxBytes = maxBytes;
  }

  /** Keeps a copy. Says what there is no room for: in this body, or in the worker. */
  add(bytes: Buffer): 'added' | 'tooLarge' | 'noRoom' {
    const length = this.#length + bytes.length;
    if (length > this.maxBytes) return 'tooLarge';
    if (length > this.#buffer.length && !this.#grow(length)) return 'noRoom';
    bytes.copy(this.#buffer, this.#length);
    this.#length = length;
    return 'added';
  }

  /** All of it has come. */
  complete(): void {
    this.bytes = this.#buffer.subarray(0, this.#length);
  }

  /** Gives back its share. */
  release(): void {
    this.#budget.release(this.#buffer.length);
    this.#buffer = NOTHING;
    this.bytes = NOTHING;
  }

  #grow(length: number): boolean {
    const capacity = Math.min(Math.max(length, 2 * this.#buffer.length, MIN_CAPACITY), Math.max(this.maxBytes, length));
    if (!this.#budget.reserve(capacity - this.#buffer.length)) return false;
    const buffer = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(buffer, 0, 0, this.#length);
    this.#buffer = buffer;
    return true;
  }
}
