import { and, asc, desc, eq, gt, isNotNull, lt, lte, sql } from 'drizzle-orm';
import type { Database } from './database.ts';
import type { ChangeRecord, ItemRef, RevisionRecord, RevisionWithVersions, TrackName, VersionRecord } from './store.ts';
import { trackTables } from './track-tables.ts';

/** Revisions looked at in one read, however small each is. */
const REVISIONS_AT_ONCE = 256;

export async function readCurrent(
  db: Database,
  track: TrackName,
  after: ItemRef | undefined,
  limit: number,
): Promise<VersionRecord[]> {
  const { current } = trackTables[track];
  return db
    .select()
    .from(current)
    .where(after === undefined ? undefined : sql`(${current.kind}, ${current.name}) > (${after.kind}, ${after.name})`)
    .orderBy(asc(current.kind), asc(current.name))
    .limit(limit);
}

export async function readSince(
  db: Database,
  track: TrackName,
  after: number,
  maxItems: number,
): Promise<RevisionWithVersions[]> {
  const { revisions, versions } = trackTables[track];
  const found = await db
    .select(recordColumns(track))
    .from(revisions)
    .where(gt(revisions.revision, after))
    .orderBy(asc(revisions.revision))
    .limit(REVISIONS_AT_ONCE);
  let items = 0;
  const taken = found.filter((record, index) => {
    items += record.created + record.updated + record.deleted;
    return index === 0 || items <= maxItems;
  });
  const last = taken.at(-1);
  if (last === undefined) return [];
  const rows = await db
    .select()
    .from(versions)
    .where(and(gt(versions.revision, after), lte(versions.revision, last.revision)));
  const byRevision = Map.groupBy(rows.map(toVersion), (version) => version.revision);
  return taken.map((record) => ({ ...record, versions: byRevision.get(record.revision) ?? [] }));
}

export async function readChanges(
  db: Database,
  track: TrackName,
  from: number,
  to: number,
  limit: number,
): Promise<ChangeRecord[] | undefined> {
  const { revisions, versions } = trackTables[track];
  const [size] = await db
    .select({ items: sql`coalesce(sum(created + updated + deleted), 0)`.mapWith(Number) })
    .from(revisions)
    .where(and(gt(revisions.revision, from), lte(revisions.revision, to)));
  if ((size?.items ?? 0) > limit) return undefined;
  const between = and(gt(versions.revision, from), lte(versions.revision, to));
  const touched = db.select({ kind: versions.kind, name: versions.name }).from(versions).where(between);
  const order = [asc(versions.kind), asc(versions.name), desc(versions.revision)];
  const key = [versions.kind, versions.name];
  const [last, first] = await Promise.all([
    db
      .selectDistinctOn(key)
      .from(versions)
      .where(between)
      .orderBy(...order),
    db
      .selectDistinctOn(key)
      .from(versions)
      .where(and(lte(versions.revision, from), sql`(${versions.kind}, ${versions.name}) in ${touched}`))
      .orderBy(...order),
  ]);
  const before = new Map(first.map((row) => [`${row.kind}/${row.name}`, presentOrUndefined(row)]));
  return last.flatMap((row) => {
    const change = { before: before.get(`${row.kind}/${row.name}`), after: presentOrUndefined(row) };
    return areSame(change.before, change.after) ? [] : [{ kind: row.kind, name: row.name, ...change }];
  });
}

export async function readAt(
  db: Database,
  track: TrackName,
  revision: number,
  kind: string,
  afterName: string,
  limit: number,
): Promise<VersionRecord[]> {
  const { versions } = trackTables[track];
  const latest = db
    .selectDistinctOn([versions.name])
    .from(versions)
    .where(and(eq(versions.kind, kind), gt(versions.name, afterName), lte(versions.revision, revision)))
    .orderBy(asc(versions.name), desc(versions.revision))
    .as('latest');
  const rows = await db.select().from(latest).where(isNotNull(latest.content)).orderBy(asc(latest.name)).limit(limit);
  return rows.map(toVersion);
}

export async function getAt(
  db: Database,
  track: TrackName,
  ref: ItemRef,
  revision: number,
): Promise<VersionRecord | undefined> {
  const { versions } = trackTables[track];
  const [row] = await db
    .select()
    .from(versions)
    .where(and(eq(versions.kind, ref.kind), eq(versions.name, ref.name), lte(versions.revision, revision)))
    .orderBy(desc(versions.revision))
    .limit(1);
  return row === undefined ? undefined : presentOrUndefined(row);
}

export async function listRevisions(
  db: Database,
  track: TrackName,
  before: number | undefined,
  limit: number,
): Promise<RevisionRecord[]> {
  const { revisions } = trackTables[track];
  return db
    .select(recordColumns(track))
    .from(revisions)
    .where(before === undefined ? undefined : lt(revisions.revision, before))
    .orderBy(desc(revisions.revision))
    .limit(limit);
}

export async function getRevision(
  db: Database,
  track: TrackName,
  revision: number,
): Promise<RevisionRecord | undefined> {
  const { revisions } = trackTables[track];
  const [record] = await db.select(recordColumns(track)).from(revisions).where(eq(revisions.revision, revision));
  return record;
}

function recordColumns(track: TrackName) {
  const { revisions } = trackTables[track];
  return {
    revision: revisions.revision,
    createdAt: revisions.createdAt,
    author: revisions.author,
    message: revisions.message,
    digest: revisions.digest,
    created: revisions.created,
    updated: revisions.updated,
    deleted: revisions.deleted,
    rollbackOf: revisions.rollbackOf,
    forced: revisions.forced,
  };
}

type VersionRow = Omit<VersionRecord, 'content' | 'hash'> & {
  readonly content: Uint8Array | null;
  readonly hash: Uint8Array | null;
};

function toVersion(row: VersionRow): VersionRecord {
  return { ...row, content: row.content ?? undefined, hash: row.hash ?? undefined };
}

function presentOrUndefined(row: VersionRow): VersionRecord | undefined {
  return row.content === null ? undefined : toVersion(row);
}

function areSame(before: VersionRecord | undefined, after: VersionRecord | undefined): boolean {
  if (before?.hash === undefined || after?.hash === undefined) return before?.hash === after?.hash;
  return Buffer.compare(before.hash, after.hash) === 0;
}
