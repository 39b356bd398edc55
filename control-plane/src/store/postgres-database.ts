import { randomUUID } from 'node:crypto';
import { drizzle } from 'drizzle-orm/postgres-js';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import postgres, { type Options, type PostgresType, type Sql } from 'postgres';
import { QueryCaller } from './call-queries.ts';
import { advisoryLock, beginFirstHistory, casing, migrationsFolder, refuseNewerSchema } from './database.ts';
import { withDeadline } from './deadline.ts';
import { StoreStartError, StoreUnavailable } from './failure.ts';
import { listenToLog } from './listen-to-log.ts';
import type { Open } from './open-database.ts';
import { createQueries } from './queries.ts';
import { isConnectionLoss, translateStartError } from './translate-error.ts';

/** The oldest server that the queries are tested on. */
const OLDEST_SERVER = 150_000;

/**
 * Opens a pool of connections. After any loss the pool is made anew: a connection of postgres.js 3.4 that lost its socket while something
 * was to be written never writes again (LanternOps/breeze#3225).
 */
export const openPostgres: Open<'postgres'> = async ({ url, connections, callTimeoutMs }, prepare, wake) => {
  if (prepare) {
    await prepareDatabase(url).catch((error: unknown) => {
      throw translateStartError(error, addressOf(url));
    });
  }
  const caller = new QueryCaller();
  const settings = { ...poolSettings(callTimeoutMs), max: connections };
  const openPool = () => {
    const client = postgres(url, settings);
    return { client, queries: createQueries(drizzle({ client, casing }), caller.steps) };
  };
  let pool = openPool();
  let closed = false;
  const listener = listenToLog(url, listenSettings, wake);
  const giveUp = (lost: typeof pool) => {
    if (lost === pool && !closed) pool = openPool();
    void lost.client.end({ timeout: 0 });
  };
  return {
    async call(method, args) {
      const asked = pool;
      try {
        const answer = caller.call(asked.queries, method, args);
        return await withDeadline(answer, callTimeoutMs, () => new StoreUnavailable('the database does not answer'));
      } catch (error) {
        if (isConnectionLoss(error)) giveUp(asked);
        throw caller.translate(error, method, args);
      }
    },
    async close() {
      closed = true;
      await Promise.all([listener.close(), pool.client.end({ timeout: 5 })]);
    },
  };
};

/** Migrates, and begins the first history. Replicas that start at the same moment do it one after another. */
async function prepareDatabase(url: string): Promise<void> {
  const client = postgres(url, { ...baseSettings, max: 1 });
  try {
    await refuseOldServer(client);
    await client.unsafe(`select pg_advisory_lock(${advisoryLock.migrations})`);
    const db = drizzle({ client, casing });
    await refuseNewerSchema(db);
    await migrate(db, { migrationsFolder });
    await beginFirstHistory(db, randomUUID());
  } finally {
    await client.end({ timeout: 5 });
  }
}

async function refuseOldServer(client: Sql): Promise<void> {
  const [row] = await client<{ server_version_num: string }[]>`show server_version_num`;
  const version = Number(row?.server_version_num);
  if (version >= OLDEST_SERVER) return;
  throw new StoreStartError(
    `the database server is PostgreSQL ${Math.floor(version / 10_000)}, and 15 is the oldest that works`,
    'use a newer server',
  );
}

const baseSettings = {
  connect_timeout: 5,
  fetch_types: false,
  onnotice: () => undefined,
  backoff: (attempts: number) => Math.min(0.05 * 2 ** attempts, 1) * (0.5 + Math.random() / 2),
} satisfies Options<Record<string, PostgresType>>;

const listenSettings = { ...baseSettings, max: 1, max_lifetime: null };

/** The server gives up on its own before we do, so that a slow statement costs no connection. */
function poolSettings(callTimeoutMs: number) {
  return {
    ...baseSettings,
    connection: {
      application_name: 'sluice-control-plane',
      statement_timeout: Math.ceil(callTimeoutMs * 0.8),
      lock_timeout: Math.ceil(callTimeoutMs * 0.5),
      idle_in_transaction_session_timeout: callTimeoutMs,
    },
  } satisfies Options<Record<string, PostgresType>>;
}

/** Host and port, without user and password. */
function addressOf(url: string): string {
  return URL.parse(url)?.host || 'localhost';
}
