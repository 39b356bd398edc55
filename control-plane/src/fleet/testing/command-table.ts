import type { NodeAnswer, Notice, TakenCommand } from '../../store/store.ts';
import type { CommandStore } from '../command-relay.ts';

interface Row extends Omit<TakenCommand, 'ageMs'> {
  readonly request: string;
  readonly issuedAtMs: number;
  taken: boolean;
  error: string | undefined;
  report?: Uint8Array | undefined;
}

/** Commands in memory, between replicas in one process. */
export class CommandTable {
  readonly rows: Row[] = [];
  readonly listeners = new Set<(notice: Notice | undefined) => void>();

  notify(notice: Notice): void {
    for (const listener of this.listeners) setImmediate(listener, notice);
  }
}

/** The store's side of a table; each access goes through `ask`. */
export function serveCommands(table: CommandTable, ask: <T>(answer: () => T) => Promise<T>): CommandStore {
  const { rows, listeners } = table;
  return {
    issueCommands: (request, nodeIds, command) =>
      ask(() => {
        const issuedAtMs = performance.now();
        for (const nodeId of nodeIds) {
          rows.push({ id: rows.length, request, nodeId, command, issuedAtMs, taken: false, error: undefined });
        }
        table.notify({ kind: 'issued' });
      }),
    takeCommands: (nodeIds, maxAgeMs, limit) =>
      ask(() => {
        const now = performance.now();
        const isDue = (row: Row) => !row.taken && row.issuedAtMs > now - maxAgeMs && nodeIds.includes(row.nodeId);
        const due = rows.filter(isDue).slice(0, limit);
        for (const row of due) row.taken = true;
        return due.map(({ id, nodeId, command, issuedAtMs }) => ({ id, nodeId, command, ageMs: now - issuedAtMs }));
      }),
    answerCommands: (answers) =>
      ask(() => {
        for (const { id, error, report } of answers) Object.assign(rows[id]!, { error, report });
        table.notify({ kind: 'answered' });
      }),
    readCommandAnswers: (request) =>
      ask(() =>
        rows.flatMap((row): NodeAnswer[] =>
          row.request === request && row.error !== undefined
            ? [{ nodeId: row.nodeId, error: row.error, report: row.report }]
            : [],
        ),
      ),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
