import type { SharedRegion } from './region.ts';

/** Words of one cache line, so that ringing one worker disturbs no other. */
const LINE_WORDS = 16;

/**
 * By which one worker has another look at the shared columns: a word for each, without any message. Rings that come before the other
 * has looked are one. Nobody waits for an answer, and a ring that nobody hears is no loss: who depends on one looks again by itself.
 */
export class Doorbells {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #own: number;
  #closed = false;

  constructor(region: SharedRegion, writer: number) {
    this.#words = new Int32Array(region.doorbells);
    this.#own = writer * LINE_WORDS;
  }

  ring(worker: number): void {
    const at = worker * LINE_WORDS;
    Atomics.add(this.#words, at, 1);
    Atomics.notify(this.#words, at);
  }

  /** Worker: has `onRing` called, at most once a turn of the event loop, whenever another rang, until `close`. */
  listen(onRing: () => void): void {
    const seen = Atomics.load(this.#words, this.#own);
    const wait = (heard: number): void => {
      const { async: waits, value } = Atomics.waitAsync(this.#words, this.#own, heard);
      const answer = (): void => {
        if (this.#closed) return;
        const now = Atomics.load(this.#words, this.#own);
        onRing();
        wait(now);
      };
      if (waits) void value.then(answer);
      else setImmediate(answer);
    };
    wait(seen);
  }

  /** Worker: hears no more. */
  close(): void {
    this.#closed = true;
  }
}
