import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { QueryCaller } from './call-queries.ts';
import { beginFirstHistory, casing, channel, migrationsFolder, refuseNewerSchema } from './database.ts';
import { StoreStartError } from './failure.ts';
import { readNotification } from './notification.ts';
import type { Open } from './open-database.ts';
import { createQueries } from './queries.ts';

/** Opens PGlite on a directory. One process and one thread at a time: it does not look for others. */
export const openEmbedded: Open<'embedded'> = async ({ directory }, prepare, wake) => {
  try {
    const client = await PGlite.create({ dataDir: directory });
    const db = drizzle({ client, casing });
    if (prepare) {
      await refuseNewerSchema(db);
      await migrate(db, { migrationsFolder });
      await beginFirstHistory(db, randomUUID());
    }
    await client.listen(channel, (payload) => wake(readNotification(payload)));
    const caller = new QueryCaller();
    const queries = createQueries(db, caller.steps);
    return {
      async call(method, args) {
        try {
          return await caller.call(queries, method, args);
        } catch (error) {
          throw caller.translate(error, method, args);
        }
      },
      close: () => client.close(),
    };
  } catch (error) {
    if (error instanceof StoreStartError) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new StoreStartError(
      `cannot open the embedded database in ${directory}: ${reason}`,
      'restore the directory from a copy, or choose another with --data-dir',
      { cause: error },
    );
  }
};
