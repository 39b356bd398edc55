import type { Exchange } from './exchange.ts';

/** Requests of one worker that wait for what another thread, or another request, is to bring. */
export class WaitingRequests {
  readonly #waiting = new Set<Exchange>();
  readonly #goOn: (x: Exchange) => void;

  /** `goOn` looks whether it is there; it may leave a request waiting. */
  constructor(goOn: (x: Exchange) => void) {
    this.#goOn = goOn;
  }

  add(x: Exchange): void {
    this.#waiting.add(x);
  }

  remove(x: Exchange): void {
    this.#waiting.delete(x);
  }

  /** Something came: whose it is goes on. */
  onRing(): void {
    if (this.#waiting.size === 0) return;
    for (const x of [...this.#waiting]) this.#goOn(x);
  }
}
