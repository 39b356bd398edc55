import type { Revision } from '@sluice/proto';
import type { Command } from 'commander';
import { type OutputFormat, printList } from '../output/print.ts';
import { revisionValue } from '../output/revision-value.ts';
import type { Column } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { readCount } from './flags.ts';

/** The most that the control plane gives at once. */
const MAX_PAGE = 1000;

export function addHistory(program: Command): void {
  withOutput(program.command('history').description('revisions, the newest first'))
    .option('-n, --number <count>', 'how many', readCount, 20)
    .action(async ({ output, number }: { output: OutputFormat; number: number }, command: Command) => {
      const revisions: Revision[] = [];
      await withControlPlane(command, async ({ config }) => {
        let pageToken = '';
        do {
          const page = await config.history({ pageSize: Math.min(number - revisions.length, MAX_PAGE), pageToken });
          revisions.push(...page.revisions);
          pageToken = page.nextPageToken;
        } while (pageToken !== '' && revisions.length < number);
      });
      printList(output, revisions, COLUMNS, revisionValue);
    });
}

const COLUMNS: readonly Column<Revision>[] = [
  { title: 'revision', value: ({ revision }) => String(revision) },
  { title: 'time', value: ({ createdAt }) => formatTime(createdAt) },
  { title: 'author', value: ({ author }) => author },
  { title: 'created', value: ({ created }) => String(created) },
  { title: 'updated', value: ({ updated }) => String(updated) },
  { title: 'deleted', value: ({ deleted }) => String(deleted) },
  { title: 'message', value: ({ message, rollbackOf }) => message || (rollbackOf ? `rollback to ${rollbackOf}` : '-') },
  { title: 'digest', value: ({ digest }) => Buffer.from(digest).toString('hex'), wide: true },
];
