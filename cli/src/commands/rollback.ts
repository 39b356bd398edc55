import type { Command } from 'commander';
import { withControlPlane } from './command.ts';
import { readRevision } from './flags.ts';
import { type ChangeFlags, makeChange, withChangeFlags } from './make-change.ts';

export function addRollback(program: Command): void {
  const command = program
    .command('rollback')
    .description('make a new revision with the configuration of an older one; keys stay as they are')
    .argument('<n>', 'the older one', readRevision);
  withChangeFlags(command).action(async (revision: bigint, flags: ChangeFlags, self: Command) => {
    await withControlPlane(self, (client) =>
      makeChange(client, flags, (request) => client.config.rollback({ ...request, revision }), {
        note: `, as revision ${revision} was`,
      }),
    );
  });
}
