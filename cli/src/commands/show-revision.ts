import { toManifestValue } from '@sluice/engine';
import type { ResourceChange, Revision } from '@sluice/proto';
import type { Command } from 'commander';
import { changeWord, formatDiff } from '../output/changes.ts';
import { oneLine, plainText } from '../output/plain-text.ts';
import { type OutputFormat, printValue } from '../output/print.ts';
import { revisionValue } from '../output/revision-value.ts';
import { formatTime } from '../output/time.ts';
import { withControlPlane, withOutput } from './command.ts';
import { readRevision } from './flags.ts';

export function addShowRevision(program: Command): void {
  const command = program
    .command('show-revision')
    .description('one revision and what it changed')
    .argument('<n>', 'its number', readRevision);
  withOutput(command).action(async (number: bigint, { output }: { output: OutputFormat }, self: Command) => {
    const { revision, changes } = await withControlPlane(self, ({ config }) =>
      config.getRevision({ revision: number }),
    );
    if (output === 'json' || output === 'yaml') {
      printValue(output, { ...revisionValue(revision!), changes: changes.map(changeValue) });
    } else process.stdout.write(describeRevision(revision!) + formatDiff(changes));
  });
}

function changeValue({ ref, change, before, after, fields }: ResourceChange): Record<string, unknown> {
  return {
    kind: ref?.kind,
    name: ref?.name,
    change: changeWord(change),
    ...(before === undefined ? {} : { before: toManifestValue(before) }),
    ...(after === undefined ? {} : { after: toManifestValue(after) }),
    ...(fields.length === 0 ? {} : { fields: fields.map(({ field }) => field) }),
  };
}

function describeRevision({ revision, createdAt, author, message, rollbackOf }: Revision): string {
  const lines = [`revision ${revision}, ${formatTime(createdAt)}, by ${oneLine(author)}`];
  if (rollbackOf !== 0n) lines.push(`rollback to revision ${rollbackOf}`);
  if (message !== '') lines.push(plainText(message));
  return `${lines.join('\n')}\n\n`;
}
