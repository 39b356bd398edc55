/** Watches the turns of this thread from when it is made, in milliseconds of the processor: what other processes take does not count. */
export class TurnWatch implements Disposable {
  readonly #startedMs = usedMs();
  #lastMs = this.#startedMs;
  #longestMs = 0;
  readonly #timer = setInterval(() => this.#look(), 1);

  /** The longest turn as a share of all, 0 to 1. */
  get longestShare(): number {
    this.#look();
    return this.#longestMs / (this.#lastMs - this.#startedMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const nowMs = usedMs();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}

function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
