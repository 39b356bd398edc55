import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 8192;

/** Random lower-case hex digits, cut from a pool that is filled and written out at once. */
export class RandomHex {
  readonly #bytes = Buffer.allocUnsafeSlow(POOL_BYTES);
  #digits = '';
  #at = 0;

  /** `length` digits, at most 64. */
  take(length: number): string {
    if (this.#at + length > this.#digits.length) {
      this.#digits = randomFillSync(this.#bytes).toString('hex');
      this.#at = 0;
    }
    const start = this.#at;
    this.#at = start + length;
    return this.#digits.slice(start, this.#at);
  }
}
