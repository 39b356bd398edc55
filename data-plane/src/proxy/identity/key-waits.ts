import type { TokenIssuer } from '@sluice/engine';
import type { Exchange } from '../exchange.ts';

/** How long a request waits for the key of its token. */
const WAIT_MS = 1_000;
/** The requests of one worker that may wait; others are decided by the keys that are there. */
const MAX_WAITING = 4_096;
/** A question without an answer is asked again after this. */
const ANSWER_MS = 10_000;

/** One issuer's keys, as this worker has asked for them. */
interface Question {
  readonly waiting: Exchange[];
  /** Asking is of no use before, on the shared clock; while an answer is to come, and after it said so. */
  againMs: number;
  isAsked: boolean;
}

/**
 * Requests whose token names a key that is not known: its issuer may have a new one. The main thread is asked for it, once for all of
 * them; when it has looked, or a second later, they are decided by the keys that are there then.
 */
export class KeyWaits {
  readonly #ask: ((issuer: string) => void) | undefined;
  readonly #questions = new Map<string, Question>();
  #waiting = 0;

  /** `ask`: answered by {@link KeyWaits.settled}. Undefined: nobody looks for keys. */
  constructor(ask: ((issuer: string) => void) | undefined) {
    this.#ask = ask;
  }

  /** True: the request waits. False: there is nothing to wait for, and it is to be decided now. */
  wait(x: Exchange, { name }: TokenIssuer & { readonly name: string }): boolean {
    if (this.#ask === undefined || x.keysAwaited) return false;
    const { nowMs } = x.context;
    let question = this.#questions.get(name);
    if (question === undefined) {
      question = { waiting: [], againMs: 0, isAsked: false };
      this.#questions.set(name, question);
    }
    if (nowMs >= question.againMs) {
      question.isAsked = true;
      question.againMs = nowMs + ANSWER_MS;
      this.#ask(name);
    }
    if (!question.isAsked || this.#waiting >= MAX_WAITING) return false;
    question.waiting.push(x);
    this.#waiting++;
    x.holdForKeys(name, nowMs + WAIT_MS);
    return true;
  }

  /** All that can be known of an issuer's keys is active; asking again is of no use before `againInMs`. */
  settled(name: string, againInMs: number, nowMs: number): void {
    const question = this.#questions.get(name);
    if (question === undefined) {
      if (againInMs > 0) this.#questions.set(name, { waiting: [], againMs: nowMs + againInMs, isAsked: false });
      return;
    }
    const waiting = question.waiting.splice(0);
    this.#waiting -= waiting.length;
    question.isAsked = false;
    question.againMs = nowMs + againInMs;
    // One that waited its time, or whose client has gone, has gone on since, perhaps with another request.
    for (const x of waiting) if (x.state === 'identifying' && x.keysOf === name) x.onKeysSettled();
  }
}
