import { and, asc, eq, gt, inArray, isNotNull, isNull, sql } from 'drizzle-orm';
import { channel, type Database } from './database.ts';
import { writeNotification } from './notification.ts';
import { commands } from './schema.ts';
import type { CommandAnswer, NodeAnswer, Notice, TakenCommand } from './store.ts';

/** Rows in one statement. */
const ROWS_AT_ONCE = 500;

export async function issueCommands(
  db: Database,
  request: string,
  nodeIds: readonly string[],
  command: Uint8Array,
): Promise<void> {
  await db.transaction(async (tx) => {
    for (let start = 0; start < nodeIds.length; start += ROWS_AT_ONCE) {
      const rows = nodeIds.slice(start, start + ROWS_AT_ONCE).map((nodeId) => ({ request, nodeId, command }));
      await tx.insert(commands).values(rows);
    }
    await notify(tx, { kind: 'issued' });
  });
}

/** Rows that another replica takes at this moment are left to it. */
export async function takeCommands(
  db: Database,
  nodeIds: readonly string[],
  maxAgeMs: number,
  limit: number,
): Promise<TakenCommand[]> {
  if (nodeIds.length === 0) return [];
  const due = db
    .select({ id: commands.id })
    .from(commands)
    .where(
      and(
        gt(commands.issuedAt, sql`now() - ${maxAgeMs} * interval '1 millisecond'`),
        isNull(commands.takenAt),
        inArray(commands.nodeId, [...nodeIds]),
      ),
    )
    .orderBy(asc(commands.id))
    .limit(limit)
    .for('update', { skipLocked: true });
  const taken = await db
    .update(commands)
    .set({ takenAt: sql`now()` })
    .where(inArray(commands.id, due))
    .returning({
      id: commands.id,
      nodeId: commands.nodeId,
      command: commands.command,
      ageMs: sql`extract(epoch from now() - ${commands.issuedAt}) * 1000`.mapWith(Number),
    });
  return taken.sort((a, b) => a.id - b.id);
}

export async function answerCommands(db: Database, answers: readonly CommandAnswer[]): Promise<void> {
  if (answers.length === 0) return;
  await db.transaction(async (tx) => {
    const [reports, plain] = [answers.filter(hasReport), answers.filter((answer) => !hasReport(answer))];
    for (const [error, same] of Map.groupBy(plain, (answer) => answer.error)) {
      const ids = same.map(({ id }) => id);
      await tx.update(commands).set({ answeredAt: sql`now()`, error }).where(inArray(commands.id, ids));
    }
    for (const { id, error, report } of reports) {
      await tx.update(commands).set({ answeredAt: sql`now()`, error, report }).where(eq(commands.id, id));
    }
    await notify(tx, { kind: 'answered' });
  });
}

export async function readCommandAnswers(db: Database, request: string): Promise<NodeAnswer[]> {
  const rows = await db
    .select({ nodeId: commands.nodeId, error: commands.error, report: commands.report })
    .from(commands)
    .where(and(eq(commands.request, request), isNotNull(commands.answeredAt)));
  return rows.map(({ nodeId, error, report }) => ({ nodeId, error: error ?? '', report: report ?? undefined }));
}

function hasReport({ report }: CommandAnswer): boolean {
  return report !== undefined;
}

async function notify(tx: Database, notice: Notice): Promise<void> {
  await tx.execute(sql`select pg_notify(${channel}, ${writeNotification(notice)})`);
}
