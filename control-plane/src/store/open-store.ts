import { join } from 'node:path';
import { lockDataDir } from './data-dir-lock.ts';
import type { Store } from './store.ts';
import type { DatabaseSettings } from './thread-protocol.ts';
import { openThreadedStore } from './threaded-store.ts';

export interface StoreOptions {
  /** A postgres:// URL, or `embedded`. */
  readonly database: string;
  /** Held for this process alone; also where the embedded database is. Made where it is missing. */
  readonly dataDir: string;
  /** Longest that one call takes. Default 10 s on PostgreSQL, 60 s embedded. */
  readonly callTimeoutMs?: number;
}

/** Connections of one process to PostgreSQL, apart from the one for notifications. */
const CONNECTIONS = 8;
/** What a thread has left to say that the time is over, before it is given up itself. */
const THREAD_GRACE_MS = 5000;

/** Opens the store, migrating it first. Rejects with a StoreStartError, whose message and remedy are for people. */
export async function openStore({ database, dataDir, callTimeoutMs }: StoreOptions): Promise<Store> {
  const lock = await lockDataDir(dataDir);
  try {
    const timeoutMs = callTimeoutMs ?? (database === 'embedded' ? 60_000 : 10_000);
    const settings: DatabaseSettings =
      database === 'embedded'
        ? { kind: 'embedded', directory: join(dataDir, 'database') }
        : { kind: 'postgres', url: database, connections: CONNECTIONS, callTimeoutMs: timeoutMs };
    const store = await openThreadedStore(settings, timeoutMs + THREAD_GRACE_MS);
    return {
      ...store,
      async close() {
        try {
          await store.close();
        } finally {
          await lock.release();
        }
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
