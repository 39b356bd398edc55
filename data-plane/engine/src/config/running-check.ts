import type { Checked } from './config-index.ts';
import type { Steps } from './relations/relation.ts';

/** A check on its way, taken a step at a time by whoever waits for it. */
export class RunningCheck {
  /** Resolves when it has ended, well or not. */
  readonly ended: Promise<void>;
  readonly #steps: Steps<Checked>;
  readonly #onEnd: () => void;
  #result: { readonly checked: Checked } | { readonly error: unknown } | undefined;

  constructor(steps: Steps<Checked>, onEnd: () => void) {
    this.#steps = steps;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#onEnd = () => {
      onEnd();
      resolve();
    };
  }

  /** One step. Says whether there are more. */
  step(): boolean {
    if (this.#result !== undefined) return false;
    try {
      const { done, value } = this.#steps.next();
      if (done !== true) return true;
      this.#result = { checked: value };
    } catch (error) {
      this.#result = { error };
    }
    this.#onEnd();
    return false;
  }

  /** All steps that are left. Throws what one of them threw. */
  end(): Checked {
    while (this.step());
    const result = this.#result!;
    if ('error' in result) throw result.error;
    return result.checked;
  }
}
