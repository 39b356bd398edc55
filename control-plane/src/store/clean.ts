import { asc, inArray, lte } from 'drizzle-orm';
import type { Database } from './database.ts';
import { audit, commands, idempotency, nodes } from './schema.ts';
import type { CleanBefore, Cleaned } from './store.ts';

/** Rows that another replica removes at this moment are left to it, so that none waits for the other. */
export async function clean(db: Database, before: CleanBefore, limit: number): Promise<Cleaned> {
  const locked = { skipLocked: true } as const;
  const answers = db
    .select({ key: idempotency.key })
    .from(idempotency)
    .where(lte(idempotency.expiresAt, before.answers))
    .limit(limit)
    .for('update', locked);
  const old = db
    .select({ id: commands.id })
    .from(commands)
    .where(lte(commands.issuedAt, before.commands))
    .limit(limit)
    .for('update', locked);
  // Ids grow with time: the first rows are the oldest, and no others need to be looked at.
  const oldest = db
    .$with('oldest')
    .as(
      db.select({ id: audit.id, at: audit.at }).from(audit).orderBy(asc(audit.id)).limit(limit).for('update', locked),
    );
  const entries = db.select({ id: oldest.id }).from(oldest).where(lte(oldest.at, before.audit));
  const unseen = db
    .select({ nodeId: nodes.nodeId })
    .from(nodes)
    .where(lte(nodes.lastSeenAt, before.nodes))
    .limit(limit)
    .for('update', locked);
  const removed = {
    answers: await db.delete(idempotency).where(inArray(idempotency.key, answers)).returning({ key: idempotency.key }),
    commands: await db.delete(commands).where(inArray(commands.id, old)).returning({ id: commands.id }),
    audit: await db.with(oldest).delete(audit).where(inArray(audit.id, entries)).returning({ id: audit.id }),
    nodes: await db.delete(nodes).where(inArray(nodes.nodeId, unseen)).returning({ nodeId: nodes.nodeId }),
  };
  return {
    answers: removed.answers.length,
    commands: removed.commands.length,
    audit: removed.audit.length,
    nodes: removed.nodes.length,
  };
}
