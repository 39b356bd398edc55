import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { StoreStartError } from './failure.ts';
import { histories } from './schema.ts';

/** A database or a transaction of either driver. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, never>>;

/** Column names in the database are the property names in snake case. */
export const casing = 'snake_case';

/** The channel that wakes other replicas. Its payloads are two numbers: what it is about, and the revision where it is about a track. */
export const channel = 'sluice_log';

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Advisory locks, by what they serialise. Each is held to the end of a transaction, except `migrations`, held by a session. */
export const advisoryLock = {
  migrations: 0x51_0c_00,
  config: 0x51_0c_01,
  facts: 0x51_0c_02,
} as const;

/** Throws a StoreStartError where the database was migrated by a later version than this one. Nothing was migrated yet: fine. */
export async function refuseNewerSchema(db: Database): Promise<void> {
  const known = readMigrationFiles({ migrationsFolder }).at(-1)?.folderMillis ?? 0;
  const [table] = await db
    .select({ found: sql<string | null>`to_regclass('drizzle.__drizzle_migrations')::text` })
    .from(sql`(select 1) as one`);
  if (typeof table?.found !== 'string') return;
  const [row] = await db.select({ last: sql`max(created_at)`.mapWith(Number) }).from(sql`drizzle.__drizzle_migrations`);
  if ((row?.last ?? 0) <= known) return;
  throw new StoreStartError(
    'the database was written by a newer version of the control plane',
    'start that version, or restore a database from before the upgrade',
  );
}

/** Begins the first history where there is none. */
export async function beginFirstHistory(db: Database, historyId: string): Promise<void> {
  const [found] = await db.select({ historyId: histories.historyId }).from(histories).limit(1);
  if (found === undefined) await db.insert(histories).values({ historyId, createdAt: new Date() });
}
