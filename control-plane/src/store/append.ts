import { and, eq, gt, inArray, lte, sql } from 'drizzle-orm';
import { channel, type Database } from './database.ts';
import { writeNotification } from './notification.ts';
import { readHead } from './read-head.ts';
import { readSince } from './read-log.ts';
import { audit, idempotency, secrets } from './schema.ts';
import type { Append, AppendOutcome, RememberedAnswer } from './store.ts';
import { trackTables } from './track-tables.ts';

export interface AppendSteps {
  /** Called when everything is written and only the commit is left: a failure after it leaves the outcome open. */
  readonly beforeCommit?: (append: Append) => void;
}

/** Rows in one statement; a statement takes at most 65,535 parameters. */
const ROWS_AT_ONCE = 500;

/**
 * One transaction: takes the track's lock, looks where the log stands, and appends if that is where the change was checked. Statements that
 * do not need each other's answers are sent together.
 */
export async function appendRevision(db: Database, append: Append, steps: AppendSteps): Promise<AppendOutcome> {
  return db.transaction(async (tx) => {
    const [, head, answer] = await Promise.all([
      lockTrack(tx, append.track),
      readHead(tx),
      append.answer === undefined ? undefined : findLiveAnswer(tx, append.answer.key, append.answer.createdAt),
    ]);
    if (answer !== undefined) return { kind: 'answered', answer };
    const { historyId, revision } = append.expected;
    if (head.historyId !== historyId) return { kind: 'behind', head, missed: [] };
    if (head[append.track] !== revision) {
      return { kind: 'behind', head, missed: await readSince(tx, append.track, revision, ROWS_AT_ONCE) };
    }
    await Promise.all(writeAll(tx, append));
    steps.beforeCommit?.(append);
    return { kind: 'appended' };
  });
}

/** Waits for the other writers of a track; the lock is let go when the transaction ends. */
export async function lockTrack(tx: Database, track: Append['track']): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${sql.raw(String(trackTables[track].lock))})`);
}

export async function findLiveAnswer(db: Database, key: string, now: Date): Promise<RememberedAnswer | undefined> {
  const [answer] = await db
    .select({ requestHash: idempotency.requestHash, response: idempotency.response })
    .from(idempotency)
    .where(and(eq(idempotency.key, key), gt(idempotency.expiresAt, now)));
  return answer;
}

function writeAll(tx: Database, append: Append): Promise<unknown>[] {
  const writes: Promise<unknown>[] = [];
  if (append.revision !== undefined) writes.push(...writeRevision(tx, append, append.revision));
  if (append.secrets.length > 0) {
    writes.push(
      tx
        .insert(secrets)
        .values([...append.secrets])
        .onConflictDoNothing()
        .execute(),
    );
  }
  if (append.audit.length > 0) {
    writes.push(
      tx
        .insert(audit)
        .values([...append.audit])
        .execute(),
    );
  }
  if (append.answer !== undefined) writes.push(...rememberAnswer(tx, append.answer));
  return writes;
}

function writeRevision(tx: Database, append: Append, record: NonNullable<Append['revision']>): Promise<unknown>[] {
  const { revisions, versions, current } = trackTables[append.track];
  const revision = append.expected.revision + 1;
  const rows = append.versions.map((version) => ({
    kind: version.kind,
    name: version.name,
    revision,
    content: version.content ?? null,
    hash: version.hash ?? null,
    nodeGroups: [...version.nodeGroups],
  }));
  const writes: Promise<unknown>[] = [
    tx
      .insert(revisions)
      .values({ revision, writeId: append.writeId, ...record })
      .execute(),
  ];
  for (const chunk of chunksOf(rows, ROWS_AT_ONCE)) {
    writes.push(tx.insert(versions).values(chunk).execute());
    const present = chunk.flatMap((row) =>
      row.content === null || row.hash === null ? [] : [{ ...row, content: row.content, hash: row.hash }],
    );
    if (present.length > 0) {
      writes.push(
        tx
          .insert(current)
          .values(present)
          .onConflictDoUpdate({
            target: [current.kind, current.name],
            set: {
              revision: sql`excluded.revision`,
              content: sql`excluded.content`,
              hash: sql`excluded.hash`,
              nodeGroups: sql`excluded.node_groups`,
            },
          })
          .execute(),
      );
    }
    const removed = Map.groupBy(
      chunk.filter((row) => row.content === null),
      (row) => row.kind,
    );
    for (const [kind, gone] of removed) {
      const names = gone.map((row) => row.name);
      writes.push(
        tx
          .delete(current)
          .where(and(eq(current.kind, kind), inArray(current.name, names)))
          .execute(),
      );
    }
  }
  writes.push(
    tx
      .execute(
        sql`select pg_notify(${channel}, ${writeNotification({ kind: 'moved', track: append.track, revision })})`,
      )
      .then(() => undefined),
  );
  return writes;
}

/** Answers that have expired go with the first that is remembered after them, a bounded number at a time. */
function rememberAnswer(tx: Database, answer: NonNullable<Append['answer']>): Promise<unknown>[] {
  const expired = tx
    .select({ key: idempotency.key })
    .from(idempotency)
    .where(lte(idempotency.expiresAt, answer.createdAt))
    .limit(ROWS_AT_ONCE);
  return [
    tx.delete(idempotency).where(inArray(idempotency.key, expired)).execute(),
    tx.delete(idempotency).where(eq(idempotency.key, answer.key)).execute(),
    tx.insert(idempotency).values(answer).execute(),
  ];
}

function* chunksOf<T>(items: readonly T[], size: number): Iterable<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
