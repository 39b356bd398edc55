/**
 * Until when a key may owe what was charged to it in an overflow cell, in shared memory: so that, when it gets a cell of its own, it
 * begins with that, and every other key with nothing. One time for all keys of the same number modulo the length: two of them that
 * meet are taken for one, which can only refuse, and is as rare as charges that overflow cells admit, which are as few as their
 * limits say.
 *
 * Who was admitted in an overflow cell notes it here and then looks for a cell of the key; who makes a cell shows its key and then
 * looks here. Whatever the order, one of them sees the other.
 */
export class OverflowDebts {
  readonly #times: BigInt64Array<SharedArrayBuffer>;
  readonly #mask: number;
  readonly #float = new Float64Array(1);
  readonly #bits = new BigInt64Array(this.#float.buffer);

  /** `times` holds a power of two of 64-bit words. */
  constructor(times: SharedArrayBuffer) {
    this.#times = new BigInt64Array(times);
    this.#mask = this.#times.length - 1;
  }

  /** The key with this upper half owes until then, microseconds of the shared clock. Only grows. */
  note(hi: number, untilUs: number): void {
    this.#float[0] = untilUs;
    // Of numbers that are not negative, the greater one has the greater bits.
    const bits = this.#bits[0]!;
    const at = hi & this.#mask;
    for (;;) {
      const before = Atomics.load(this.#times, at);
      if (before >= bits || Atomics.compareExchange(this.#times, at, before, bits) === before) return;
    }
  }

  /** Until when the key with this upper half may owe; 0 when it never did. */
  until(hi: number): number {
    this.#bits[0] = Atomics.load(this.#times, hi & this.#mask);
    return this.#float[0]!;
  }
}
