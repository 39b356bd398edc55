import { sql } from 'drizzle-orm';
import type { Database } from './database.ts';
import { factRevisions, histories, revisions } from './schema.ts';
import type { StoreHead } from './store.ts';

/** Where the log stands: one round trip, each part an index lookup. */
export async function readHead(db: Database): Promise<StoreHead> {
  const [head] = await db
    .select({
      historyId: histories.historyId,
      config: sql`(select coalesce(max(revision), 0) from ${revisions})`.mapWith(Number),
      facts: sql`(select coalesce(max(revision), 0) from ${factRevisions})`.mapWith(Number),
    })
    .from(histories)
    .orderBy(sql`${histories.ordinal} desc`)
    .limit(1);
  if (head === undefined) throw new Error('the database has no history');
  return head;
}
