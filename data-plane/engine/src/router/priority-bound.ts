/** The highest priority in a multiset of priorities, kept as they come and go. */
export class PriorityBound {
  /** Negative infinity where there is none. */
  max = Number.NEGATIVE_INFINITY;
  /** Distinct, ascending, with how often each occurs. Routes have few distinct priorities. */
  readonly #priorities: number[] = [];
  readonly #counts: number[] = [];

  add(priority: number): void {
    const at = this.#position(priority);
    if (this.#priorities[at] === priority) {
      this.#counts[at]! += 1;
      return;
    }
    this.#priorities.splice(at, 0, priority);
    this.#counts.splice(at, 0, 1);
    this.#setMax();
  }

  delete(priority: number): void {
    const at = this.#position(priority);
    this.#counts[at]! -= 1;
    if (this.#counts[at]! > 0) return;
    this.#priorities.splice(at, 1);
    this.#counts.splice(at, 1);
    this.#setMax();
  }

  #setMax(): void {
    this.max = this.#priorities.at(-1) ?? Number.NEGATIVE_INFINITY;
  }

  /** The first place whose priority is not lower. */
  #position(priority: number): number {
    let low = 0;
    let high = this.#priorities.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#priorities[middle]! < priority) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
