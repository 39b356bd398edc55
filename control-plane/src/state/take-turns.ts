import { setImmediate as nextTurn } from 'node:timers/promises';

/** Longest that a piece of work keeps the event loop before others get their turn, in milliseconds. */
const TURN_MS = 10;

/** Lets others have their turn when this piece of work has taken its own: call between small steps. */
export class Turns {
  #began = performance.now();

  async next(): Promise<void> {
    await this.due();
  }

  /** The same for work that does not want to wait where nobody else has to: undefined until the turn is over. */
  readonly due = (): Promise<void> | undefined => {
    if (performance.now() - this.#began < TURN_MS) return undefined;
    return nextTurn().then(() => {
      this.#began = performance.now();
    });
  };
}
