const GROW_BYTES = 64 * 1024;
/** As many as there can be. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * Places of records, four bytes each, in pages of their own: they go back to the system at once, where a list that is copied as it grows
 * would leave the allocator with all its former lengths.
 */
export class UnitList {
  readonly #buffer = new ArrayBuffer(0, { maxByteLength: MAX_BYTES });
  #units = new Uint32Array(this.#buffer, 0, 0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#units[index]!;
  }

  push(unit: number): void {
    if (this.#length === this.#units.length) this.#grow(GROW_BYTES);
    this.#units[this.#length++] = unit;
  }

  append(units: Uint32Array): void {
    const missing = (this.#length + units.length - this.#units.length) * 4;
    if (missing > 0) this.#grow(Math.ceil(missing / GROW_BYTES) * GROW_BYTES);
    this.#units.set(units, this.#length);
    this.#length += units.length;
  }

  #grow(bytes: number): void {
    this.#buffer.resize(Math.min(MAX_BYTES, this.#buffer.byteLength + bytes));
    // Of a fixed length, which the engine reads faster.
    this.#units = new Uint32Array(this.#buffer, 0, this.#buffer.byteLength / 4);
  }

  /** Gives all of it back. */
  clear(): void {
    this.#length = 0;
    this.#units = new Uint32Array(this.#buffer, 0, 0);
    this.#buffer.resize(0);
  }
}
