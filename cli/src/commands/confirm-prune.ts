import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { ApplyResponse } from '@sluice/proto';
import { CommandFailure } from '../exit.ts';
import { formatChanges } from '../output/changes.ts';
import type { ChangeFlags } from './make-change.ts';

interface PruneFlags extends ChangeFlags {
  readonly file: readonly string[];
}

type Try = (request: { dryRun: true; force: boolean; expectedRevision?: bigint }) => Promise<ApplyResponse>;

/**
 * Shows on a terminal what a change would delete, and asks. The change is then made only where the revision is still the one it was
 * asked about: the flags say so. Without a terminal nothing is asked.
 * @throws CommandFailure where the answer is no
 */
export async function confirmPrune<Flags extends PruneFlags>(tryChange: Try, flags: Flags): Promise<Flags> {
  const input = openTerminal(flags.file.includes('-'));
  if (input === undefined) return flags;
  try {
    const { changes, revision } = await tryChange({
      dryRun: true,
      force: flags.force ?? false,
      ...(flags.expectRevision === undefined ? {} : { expectedRevision: flags.expectRevision }),
    });
    const deleted = changes.filter(({ after }) => after === undefined);
    if (deleted.length === 0) return flags;
    process.stderr.write(formatChanges(deleted));
    if (!(await ask(input, `delete ${deleted.length === 1 ? 'it' : `these ${deleted.length}`}? [y/N] `)))
      throw new CommandFailure('nothing was changed');
    return { ...flags, expectRevision: revision };
  } finally {
    if (input !== process.stdin) input.destroy();
  }
}

type Input = NodeJS.ReadStream | ReturnType<typeof createReadStream>;

/** Whom to ask. Where standard input brings the manifests, a terminal on standard error says that somebody is there. */
function openTerminal(inputIsUsed: boolean): Input | undefined {
  if (!inputIsUsed) return process.stdin.isTTY && process.stderr.isTTY ? process.stdin : undefined;
  return process.stderr.isTTY ? createReadStream('/dev/tty') : undefined;
}

async function ask(input: Input, question: string): Promise<boolean> {
  const terminal = createInterface({ input, output: process.stderr });
  try {
    const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
    const failed = new Promise<string>((resolve) => input.once('error', () => resolve('')));
    return /^y(es)?$/i.test((await Promise.race([terminal.question(question), closed, failed])).trim());
  } finally {
    terminal.close();
  }
}
