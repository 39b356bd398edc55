import { randomUUID } from 'node:crypto';
import { and, asc, desc, eq, inArray, lt, lte, sql } from 'drizzle-orm';
import { findLiveAnswer, lockTrack } from './append.ts';
import { channel, type Database } from './database.ts';
import { otherNotification } from './notification.ts';
import { audit, histories, meta, nodes, secrets, tokens } from './schema.ts';
import type { NodeRecord, RememberedAnswer, SealedSecret, SecretRef, StoredAuditEntry, TrackName } from './store.ts';
import { trackTables } from './track-tables.ts';

/**
 * A transaction that was sent its commit holds the track's lock until it has ended. So with the lock in hand, what it wrote is either here
 * or will never be.
 */
export async function findWrite(db: Database, track: TrackName, writeId: string): Promise<number | undefined> {
  const { revisions } = trackTables[track];
  return db.transaction(async (tx) => {
    await lockTrack(tx, track);
    const [row] = await tx
      .select({ revision: revisions.revision })
      .from(revisions)
      .where(eq(revisions.writeId, writeId));
    return row?.revision;
  });
}

export async function findAnswer(db: Database, key: string): Promise<RememberedAnswer | undefined> {
  return findLiveAnswer(db, key, new Date());
}

export async function hasSecrets(db: Database, refs: readonly SecretRef[]): Promise<boolean[]> {
  if (refs.length === 0) return [];
  const found = await db
    .select({ kind: secrets.kind, name: secrets.name, field: secrets.field, fingerprint: secrets.fingerprint })
    .from(secrets)
    .where(inArray(secrets.fingerprint, [...new Set(refs.map((ref) => ref.fingerprint))]));
  const known = new Set(found.map(toText));
  return refs.map((ref) => known.has(toText(ref)));
}

export async function readSecret(db: Database, ref: SecretRef): Promise<SealedSecret | undefined> {
  const [row] = await db
    .select()
    .from(secrets)
    .where(
      and(
        eq(secrets.kind, ref.kind),
        eq(secrets.name, ref.name),
        eq(secrets.field, ref.field),
        eq(secrets.fingerprint, ref.fingerprint),
      ),
    );
  return row;
}

export async function listAudit(db: Database, before: number | undefined, limit: number): Promise<StoredAuditEntry[]> {
  const rows = await db
    .select()
    .from(audit)
    .where(before === undefined ? undefined : lt(audit.id, before))
    .orderBy(desc(audit.id))
    .limit(limit);
  return rows.map((row) => ({ ...row, track: row.track === 'facts' ? 'facts' : 'config' }));
}

export async function readToken(db: Database, name: string): Promise<Uint8Array | undefined> {
  const [row] = await db.select({ hash: tokens.hash }).from(tokens).where(eq(tokens.name, name));
  return row?.hash;
}

export async function claimToken(db: Database, name: string, hash: Uint8Array): Promise<Uint8Array> {
  await db.insert(tokens).values({ name, hash }).onConflictDoNothing();
  return (await readToken(db, name)) ?? hash;
}

export async function claimMeta(db: Database, name: string, value: Uint8Array): Promise<Uint8Array> {
  await db.insert(meta).values({ name, value }).onConflictDoNothing();
  const [row] = await db.select({ value: meta.value }).from(meta).where(eq(meta.name, name));
  return row?.value ?? value;
}

/** Nodes in one statement. */
const NODES_AT_ONCE = 500;

export async function saveNodes(db: Database, records: readonly NodeRecord[]): Promise<void> {
  const latest = new Map<string, NodeRecord>();
  for (const record of records) {
    const other = latest.get(record.nodeId);
    if (other === undefined || other.lastSeenAt <= record.lastSeenAt) latest.set(record.nodeId, record);
  }
  const rows = [...latest.values()];
  for (let start = 0; start < rows.length; start += NODES_AT_ONCE) {
    await db
      .insert(nodes)
      .values(rows.slice(start, start + NODES_AT_ONCE))
      .onConflictDoUpdate({
        target: nodes.nodeId,
        set: {
          group: sql`excluded.node_group`,
          replicaId: sql`excluded.replica_id`,
          lastSeenAt: sql`excluded.last_seen_at`,
          state: sql`excluded.state`,
        },
        setWhere: lte(nodes.lastSeenAt, sql`excluded.last_seen_at`),
      });
  }
}

export async function listNodes(db: Database): Promise<NodeRecord[]> {
  return db.select().from(nodes).orderBy(asc(nodes.nodeId));
}

export async function newHistory(db: Database): Promise<string> {
  const historyId = randomUUID();
  await db.transaction(async (tx) => {
    await lockTrack(tx, 'config');
    await lockTrack(tx, 'facts');
    await tx.insert(histories).values({ historyId, createdAt: new Date() });
    await tx.execute(sql`select pg_notify(${channel}, ${otherNotification})`);
  });
  return historyId;
}

function toText(ref: SecretRef): string {
  return `${ref.kind}\0${ref.name}\0${ref.field}\0${ref.fingerprint}`;
}
