import { StoreUnavailable } from '../failure.ts';
import { forwardQueries, type StoreMethod } from '../forward-queries.ts';
import type { Store } from '../store.ts';

/** A store whose database can be away, and lose answers. */
export interface BreakableStore extends Store {
  /** While true, nothing is asked and nothing written. */
  away: boolean;
  /** Takes the next append, does it (or not), and loses the answer. */
  loseNextAppend: 'committed' | 'rolledBack' | undefined;
  /** Called before each append is handed on. */
  beforeAppend: (() => Promise<void>) | undefined;
  /** Methods asked so far. */
  readonly asked: StoreMethod[];
}

export function breakable(store: Store): BreakableStore {
  const asked: StoreMethod[] = [];
  const self: BreakableStore = {
    ...store,
    ...forwardQueries((method, args) => {
      const run = store[method] as (...given: typeof args) => ReturnType<Store[typeof method]>;
      const answer = (async () => {
        asked.push(method);
        if (self.away) throw new StoreUnavailable('the database is away');
        if (method !== 'append') return run(...args);
        await self.beforeAppend?.();
        const fate = self.loseNextAppend;
        self.loseNextAppend = undefined;
        if (fate === 'rolledBack') throw new StoreUnavailable('the connection was lost', 'unknown');
        const outcome = await run(...args);
        if (fate === 'committed') throw new StoreUnavailable('the connection was lost', 'unknown');
        return outcome;
      })();
      return answer as ReturnType<Store[typeof method]>;
    }),
    away: false,
    loseNextAppend: undefined,
    beforeAppend: undefined,
    asked,
  };
  return self;
}
