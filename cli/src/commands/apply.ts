import type { Command } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { type LoadedManifests, loadManifests } from '../manifests/load-manifests.ts';
import { withControlPlane, withFiles } from './command.ts';
import { confirmPrune } from './confirm-prune.ts';
import { explainAll } from './explain-all.ts';
import { readLabel } from './flags.ts';
import { type ChangeFlags, makeChange, withChangeFlags } from './make-change.ts';

interface ApplyFlags extends ChangeFlags {
  readonly file: readonly string[];
  readonly strict?: true;
  readonly prune?: true;
  readonly label?: string;
  readonly yes?: true;
}

export function addApply(program: Command): void {
  const command = withFiles(
    program.command('apply').description('make resources what files say, as one change: all of it or nothing'),
  )
    .option('--strict', 'treat warnings as errors')
    .option('--prune', 'also delete the resources with --label that are not in the files')
    .option('--label <key=value>', 'the label of --prune', readLabel)
    .option('--yes', 'do not ask before --prune deletes')
    .addHelpText(
      'after',
      `
On a terminal, --prune shows what it would delete and asks first. Where there is nobody to ask, as in a pipeline, it deletes
without asking, for the command line already says so; see what it would be with --dry-run or gatewayctl diff --prune.`,
    );
  withChangeFlags(command).action(async (flags: ApplyFlags, self: Command) => {
    if (flags.prune && flags.label === undefined)
      throw new CommandFailure(
        '--prune needs --label KEY=VALUE: only resources with that label are deleted',
        EXIT.usage,
      );
    if (!flags.prune && flags.label !== undefined) throw new CommandFailure('--label goes with --prune', EXIT.usage);
    const manifests = await loadManifests(flags.file, process.env);
    await withControlPlane(self, (client) => apply(client, manifests, flags), manifests);
  });
}

async function apply(client: ControlPlaneClient, manifests: LoadedManifests, flags: ApplyFlags): Promise<void> {
  const { config } = client;
  if (manifests.problems.length > 0) throw new CommandFailure(await explainAll(config, manifests));
  const content = {
    resources: manifests.documents.map(({ resource }) => resource),
    pruneLabel: flags.prune ? (flags.label ?? '') : '',
    strict: flags.strict ?? false,
  };
  const seen =
    flags.prune && !flags.dryRun && !flags.yes
      ? await confirmPrune((request) => config.apply({ ...content, ...request }), flags)
      : flags;
  await makeChange(client, seen, (request) => config.apply({ ...content, ...request }), { manifests });
}
