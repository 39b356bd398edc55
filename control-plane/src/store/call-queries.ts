import type { AppendSteps } from './append.ts';
import type { StoreMethod, StoreQueries } from './forward-queries.ts';
import type { Append } from './store.ts';
import { translateError } from './translate-error.ts';

/** Calls queries by the name of the method, and knows of each append whether it came as far as its commit. */
export class QueryCaller {
  readonly #committing = new WeakSet<Append>();
  /** For the queries that are called. */
  readonly steps: AppendSteps = { beforeCommit: (append) => void this.#committing.add(append) };

  call(queries: StoreQueries, method: StoreMethod, args: readonly unknown[]): Promise<unknown> {
    const run = queries[method] as (...args: readonly unknown[]) => Promise<unknown>;
    return run(...args);
  }

  /** What a call rejected with, as the store rejects with it. */
  translate(error: unknown, method: StoreMethod, args: readonly unknown[]): Error {
    const effect = method === 'append' && this.#committing.has(args[0] as Append) ? 'unknown' : 'none';
    return translateError(error, effect);
  }
}
