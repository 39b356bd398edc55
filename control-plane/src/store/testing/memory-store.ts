import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { beginFirstHistory, casing, channel, migrationsFolder } from '../database.ts';
import { forwardQueries } from '../forward-queries.ts';
import { readNotification } from '../notification.ts';
import { createQueries } from '../queries.ts';
import type { Notice, Store } from '../store.ts';

/** A store in the test's own thread and memory: the queries are the real ones. */
export interface MemoryStore extends Store {
  /** Forgets everything; the next history begins. */
  reset(): Promise<void>;
  /** All rows of all tables, as text; bytes also as the text they may hold. */
  dump(): Promise<string>;
}

export async function openMemoryStore(): Promise<MemoryStore> {
  const client = await PGlite.create();
  const db = drizzle({ client, casing });
  await migrate(db, { migrationsFolder });
  await beginFirstHistory(db, randomUUID());
  const queries = createQueries(db);
  const listeners = new Set<(notice: Notice | undefined) => void>();
  await client.listen(channel, (payload) => {
    for (const listener of listeners) listener(readNotification(payload));
  });
  const listTables = async () => {
    const { rows } = await client.query<{ tablename: string }>(
      `select tablename from pg_tables where schemaname = 'public' order by tablename`,
    );
    return rows.map(({ tablename }) => tablename);
  };
  return {
    driver: 'embedded',
    ...forwardQueries((method, args) => {
      const run = queries[method] as (...given: typeof args) => ReturnType<(typeof queries)[typeof method]>;
      return run(...args);
    }),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: () => client.close(),
    async reset() {
      const tables = await listTables();
      await client.exec(`truncate ${tables.map((table) => `"${table}"`).join(', ')} restart identity`);
      await beginFirstHistory(db, randomUUID());
    },
    async dump() {
      let text = '';
      for (const table of await listTables()) {
        const { rows } = await client.query<Record<string, unknown>>(`select * from "${table}"`);
        text += `${table}\n`;
        for (const row of rows) {
          text += `${JSON.stringify(row)}\n`;
          for (const value of Object.values(row)) {
            if (value instanceof Uint8Array) text += `${Buffer.from(value).toString('latin1')}\n`;
          }
        }
      }
      return text;
    },
  };
}
