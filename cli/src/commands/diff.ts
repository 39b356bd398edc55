import type { Command } from 'commander';
import { readProblems } from '../client/read-problems.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { loadManifests } from '../manifests/load-manifests.ts';
import { formatDiff } from '../output/changes.ts';
import { formatProblem } from '../output/problems.ts';
import { withControlPlane, withFiles } from './command.ts';
import { explainAll } from './explain-all.ts';
import { readLabel } from './flags.ts';

interface DiffFlags {
  readonly file: readonly string[];
  readonly prune?: true;
  readonly label?: string;
}

export function addDiff(program: Command): void {
  withFiles(
    program
      .command('diff')
      .description(
        'say what applying files would change; exit code 3 where it is something, 1 where it would be refused',
      ),
  )
    .option('--prune', 'as apply --prune would')
    .option('--label <key=value>', 'the label of --prune', readLabel)
    .action(async ({ file, prune, label }: DiffFlags, command: Command) => {
      if (prune !== true && label !== undefined) throw new CommandFailure('--label goes with --prune', EXIT.usage);
      if (prune && label === undefined) throw new CommandFailure('--prune needs --label KEY=VALUE', EXIT.usage);
      const manifests = await loadManifests(file, process.env);
      await withControlPlane(
        command,
        async ({ config }) => {
          if (manifests.problems.length > 0) throw new CommandFailure(await explainAll(config, manifests));
          const resources = manifests.documents.map(({ resource }) => resource);
          const answer = await config.diff({ resources, pruneLabel: label ?? '' });
          const problems = readProblems(answer.problems);
          for (const problem of problems)
            process.stderr.write(`${formatProblem(problem, manifests.placeOf(problem))}\n`);
          process.stdout.write(formatDiff(answer.changes));
          if (problems.some(({ severity }) => severity === 'error')) process.exitCode = EXIT.failed;
          else if (answer.changes.length > 0) process.exitCode = EXIT.differences;
        },
        manifests,
      );
    });
}
