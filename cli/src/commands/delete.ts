import type { Kind } from '@sluice/engine';
import type { Command } from 'commander';
import { CommandFailure, EXIT } from '../exit.ts';
import { loadValidManifests } from '../manifests/load-manifests.ts';
import { withControlPlane } from './command.ts';
import { collect, readKind } from './flags.ts';
import { type ChangeFlags, makeChange, withChangeFlags } from './make-change.ts';

interface DeleteFlags extends ChangeFlags {
  readonly file?: readonly string[];
}

export function addDelete(program: Command): void {
  const command = program
    .command('delete')
    .description('delete one resource, or those that files name, as one change')
    .argument('[kind]', 'its kind', readKind)
    .argument('[name]', 'its name')
    .option('-f, --file <path>', 'what to delete: a file, a folder, or -; may be given again', collect);
  withChangeFlags(command).action(
    async (kind: Kind | undefined, name: string | undefined, flags: DeleteFlags, self: Command) => {
      const refs = await readRefs(kind, name, flags.file);
      await withControlPlane(self, (client) =>
        makeChange(client, flags, (request) => client.config.delete({ ...request, refs })),
      );
    },
  );
}

async function readRefs(
  kind: Kind | undefined,
  name: string | undefined,
  files: readonly string[] | undefined,
): Promise<{ kind: string; name: string }[]> {
  if ((files === undefined) === (kind === undefined) || (kind !== undefined && name === undefined)) {
    throw new CommandFailure(
      'say what to delete: gatewayctl delete KIND NAME, or gatewayctl delete -f FILE',
      EXIT.usage,
    );
  }
  if (files === undefined) return [{ kind: kind!, name: name! }];
  const { documents } = await loadValidManifests(files, process.env);
  if (documents.length === 0) throw new CommandFailure('the files name no resources');
  return documents.map((document) => ({ kind: document.kind, name: document.name }));
}
