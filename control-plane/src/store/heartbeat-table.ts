import { inArray, lt, sql } from 'drizzle-orm';
import type { Database } from './database.ts';
import { heartbeats } from './schema.ts';
import type { LateInstance } from './store.ts';

/** Rows in one statement. */
const ROWS_AT_ONCE = 500;

export async function saveHeartbeats(db: Database, names: readonly string[], isNew: boolean): Promise<void> {
  // In one order, so that no two replicas wait for each other.
  const sorted = [...new Set(names)].sort();
  for (let start = 0; start < sorted.length; start += ROWS_AT_ONCE) {
    const rows = sorted.slice(start, start + ROWS_AT_ONCE).map((name) => ({ name }));
    const insert = db.insert(heartbeats).values(rows);
    await (isNew
      ? insert.onConflictDoNothing()
      : insert.onConflictDoUpdate({ target: heartbeats.name, set: { seenAt: sql`now()` } }));
  }
}

export async function listLateInstances(db: Database, afterMs: number, limit: number): Promise<LateInstance[]> {
  return db
    .select({
      name: heartbeats.name,
      silentMs: sql`extract(epoch from now() - ${heartbeats.seenAt}) * 1000`.mapWith(Number),
    })
    .from(heartbeats)
    .where(lt(heartbeats.seenAt, sql`now() - ${afterMs} * interval '1 millisecond'`))
    .orderBy(heartbeats.seenAt)
    .limit(limit);
}

export async function forgetHeartbeats(db: Database, names: readonly string[]): Promise<void> {
  if (names.length > 0) await db.delete(heartbeats).where(inArray(heartbeats.name, [...names]));
}
