import { type Command, Option } from 'commander';
import { readConfig } from '../client/read-config.ts';
import { printResources } from '../output/print.ts';
import { withControlPlane } from './command.ts';
import { readRevision } from './flags.ts';

interface ExportFlags {
  readonly output: 'yaml' | 'json';
  readonly revision?: bigint;
}

export function addExport(program: Command): void {
  program
    .command('export')
    .description(
      'print the whole configuration so that apply takes it back; secrets as fingerprints, which keep what is stored',
    )
    .addOption(new Option('-o, --output <format>', 'how').choices(['yaml', 'json']).default('yaml'))
    .option('--revision <n>', 'as it was then', readRevision)
    .action(async ({ output, revision }: ExportFlags, command: Command) => {
      const { resources } = await withControlPlane(command, (client) => readConfig(client, revision));
      printResources(output, resources);
    });
}
