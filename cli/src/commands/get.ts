import type { Kind } from '@sluice/engine';
import { KINDS, toManifestValue } from '@sluice/engine';
import type { Command } from 'commander';
import type { ControlPlaneClient } from '../client/control-plane.ts';
import { readPages } from '../client/read-pages.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { type OutputFormat, printList, printResources, printTable, printValue } from '../output/print.ts';
import { resourceColumns } from '../output/resource-columns.ts';
import { withControlPlane, withOutput } from './command.ts';
import { readEffective } from './effective.ts';
import { readKindOrAll, readLabel, readRevision } from './flags.ts';

interface GetFlags {
  readonly output: OutputFormat;
  readonly label?: string;
  readonly effective?: true;
  readonly revision?: bigint;
}

export function addGet(program: Command): void {
  const command = program
    .command('get')
    .description('show resources of a kind, or one of them')
    .argument('<kind>', `${KINDS.join(', ')}, in any case, singular or plural; or all`, readKindOrAll)
    .argument('[name]', 'one of them');
  withOutput(command)
    .option('-l, --label <key=value>', 'only those with this label', readLabel)
    .option('--effective', 'a route with all that its policies and its service give it, and where each comes from')
    .option('--revision <n>', 'one resource as it was then', readRevision)
    .action(async (kind: Kind | 'all', name: string | undefined, flags: GetFlags, self: Command) => {
      const misuse = findMisuse(kind, name, flags);
      if (misuse !== undefined) throw new CommandFailure(misuse, EXIT.usage);
      await withControlPlane(self, async (client) => {
        if (flags.effective) await printEffective(client, name!, flags.output);
        else if (name === undefined) await printAll(client, kind === 'all' ? undefined : kind, flags);
        else await printOne(client, kind as Kind, name, flags);
      });
    });
}

function findMisuse(kind: Kind | 'all', name: string | undefined, flags: GetFlags): string | undefined {
  const { effective, label, revision } = flags;
  if (effective && (kind !== 'Route' || name === undefined || revision !== undefined))
    return '--effective is for one route as it is now: gatewayctl get route NAME --effective';
  if (name !== undefined && kind === 'all') return 'say which kind it is: gatewayctl get KIND NAME';
  if (name !== undefined && label !== undefined) return '--label is for lists: leave out the name';
  if (name === undefined && revision !== undefined)
    return '--revision is for one resource; for all of them: gatewayctl export --revision N';
  return undefined;
}

async function printAll(
  { config }: ControlPlaneClient,
  kind: Kind | undefined,
  { output, label = '' }: GetFlags,
): Promise<void> {
  const stored = await readPages(
    (pageToken) => config.list({ kind: kind ?? '', label, pageSize: 1000, pageToken }),
    ({ resources }) => resources,
  );
  const resources = stored.map(({ resource }) => resource!);
  if (output === 'json' || output === 'yaml') printResources(output, resources);
  else printTable(stored, resourceColumns(kind), output === 'wide');
}

async function printOne(
  { config }: ControlPlaneClient,
  kind: Kind,
  name: string,
  { output, revision }: GetFlags,
): Promise<void> {
  const { resource: stored } = await config.get({
    ref: { kind, name },
    ...(revision === undefined ? {} : { revision }),
  });
  if (output === 'json' || output === 'yaml') printValue(output, toManifestValue(stored!.resource!));
  else printTable([stored!], resourceColumns(kind), output === 'wide');
}

async function printEffective(client: ControlPlaneClient, name: string, output: OutputFormat): Promise<void> {
  printList(
    output,
    await readEffective(client, name),
    [
      { title: 'field', value: ({ field, dryRun }) => (dryRun ? `${field} (dry run)` : field) },
      { title: 'value', value: ({ value }) => (typeof value === 'string' ? value : JSON.stringify(value)) },
      { title: 'from', value: ({ origin }) => origin },
    ],
    (field) => field,
  );
}
