import type { Clock } from '../shared/index.ts';
import { flushTexts } from './downstream/socket-writer.ts';

/** A connection whose next request is put off to a later turn of the event loop. */
export interface PutOff {
  /** When the bytes of that request were read, in the worker's own time (`OverloadGuard.ownMs`). */
  readonly heldSinceMs: number;
  takeUp(): void;
}

/** How long requests are begun in one turn of the event loop: then it is time for the answers to those before. */
export const TURN_MS = 50;
/** Requests with which a turn counts as busy: only then is it timed. */
const BUSY = 16;
/** The clock is read with each so many. */
const CLOCK_EVERY = 8;

/**
 * Bounds how long one turn of the event loop begins requests. Without it a thousand requests that came at once would all be begun
 * before the first answer is passed on, and each be as late as the last. Costs a request one addition.
 */
export class Turns {
  /** First requests are put off too: many of their clients may have given up while they waited to be accepted. */
  checksClients = false;
  readonly #clock: Clock;
  readonly #putOff: PutOff[] = [];
  /** Of `#putOff`, those before were taken up. */
  #next = 0;
  /** Of `#putOff`, those before have seen a turn: had their clients gone, that would be known. */
  #ripe = 0;
  #begun = 0;
  #startedMs = 0;
  #spent = false;
  #awaitsEnd = false;
  readonly #onEnd = () => this.#end();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asked before each request: true where it is to be put off. */
  spent(): boolean {
    return ++this.#begun > BUSY && this.#isSpent();
  }

  putOff(connection: PutOff): void {
    this.#putOff.push(connection);
    this.#awaitEnd();
  }

  /** How long the oldest that is put off has waited, in the worker's own time. */
  waitMs(ownMs: number): number {
    return this.#next < this.#putOff.length ? ownMs - (this.#putOff[this.#next] as PutOff).heldSinceMs : 0;
  }

  #isSpent(): boolean {
    if (this.#spent) return true;
    if (!this.#awaitsEnd) {
      this.#startedMs = this.#clock.nowMs();
      this.#awaitEnd();
    } else if (this.#begun % CLOCK_EVERY === 0) this.#spent = this.#clock.nowMs() - this.#startedMs > TURN_MS;
    return this.#spent;
  }

  #awaitEnd(): void {
    if (this.#awaitsEnd) return;
    this.#awaitsEnd = true;
    setImmediate(this.#onEnd);
  }

  /** All sockets had their turn: what was put off before it goes on, for as long. */
  #end(): void {
    this.#begin();
    const list = this.#putOff;
    while (this.#next < this.#ripe && !this.#spent) {
      (list[this.#next++] as PutOff).takeUp();
      this.#spent = this.#clock.nowMs() - this.#startedMs > TURN_MS;
    }
    flushTexts();
    list.splice(0, this.#next);
    this.#next = 0;
    this.#ripe = list.length;
    this.#begin();
    this.#awaitsEnd = false;
    if (list.length > 0) this.#awaitEnd();
  }

  #begin(): void {
    this.#startedMs = this.#clock.nowMs();
    this.#spent = false;
    this.#begun = 0;
  }
}
