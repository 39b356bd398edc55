import { setImmediate as yieldToOthers } from 'node:timers/promises';

/** Streams woken in one go; then other work gets its turn. */
const BATCH = 32;

interface Wakeable {
  wake(): void;
}

/** Wakes all streams, a batch at a time. What is asked for while it does so makes one more round, however often it is asked. */
export class FanOut {
  readonly #streams: () => Iterable<Wakeable>;
  #state: 'idle' | 'running' | 'again' = 'idle';

  constructor(streams: () => Iterable<Wakeable>) {
    this.#streams = streams;
  }

  wake(): void {
    if (this.#state === 'idle') void this.#run();
    else this.#state = 'again';
  }

  async #run(): Promise<void> {
    do {
      this.#state = 'running';
      let woken = 0;
      for (const stream of [...this.#streams()]) {
        stream.wake();
        if (++woken % BATCH === 0) await yieldToOthers();
      }
    } while (this.#isDueAgain());
    this.#state = 'idle';
  }

  /** Asked during a round; TypeScript cannot see that it changes while one runs. */
  #isDueAgain(): boolean {
    return this.#state === 'again';
  }
}
