import type { StoreMethod } from './forward-queries.ts';
import type { Notice } from './store.ts';
import type { DatabaseSettings } from './thread-protocol.ts';

/** A database that is open in this thread. */
export interface OpenDatabase {
  /** Rejects with what translateError makes. */
  call(method: StoreMethod, args: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens a database in this thread. `wake` is called when another writer may have moved the log. Rejects with a StoreStartError. */
export type Open<Kind extends DatabaseSettings['kind']> = (
  settings: Extract<DatabaseSettings, { kind: Kind }>,
  prepare: boolean,
  wake: (notice: Notice | undefined) => void,
) => Promise<OpenDatabase>;
