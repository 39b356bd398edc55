import { type Command, Option } from 'commander';
import { printResources } from '../output/print.ts';
import { readPages, withControlPlane } from './command.ts';
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
      const resources = await withControlPlane(command, ({ config }) => {
        // Pages of one revision, whatever is applied meanwhile.
        let pinned = revision;
        return readPages(
          async (pageToken) => {
            const page = await config.export({
              pageSize: 1000,
              pageToken,
              ...(pinned === undefined ? {} : { revision: pinned }),
            });
            pinned = page.revision;
            return page;
          },
          (page) => page.resources,
        );
      });
      printResources(output, resources);
    });
}
