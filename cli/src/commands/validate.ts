import { withoutFollowUps } from '@sluice/engine';
import { compileSnapshot } from '@sluice/engine/config-index';
import type { Command } from 'commander';
import { CommandFailure } from '../exit.ts';
import { loadManifests } from '../manifests/load-manifests.ts';
import { formatProblems } from '../output/problems.ts';
import { withFiles } from './command.ts';

interface ValidateFlags {
  readonly file: readonly string[];
  readonly strict?: true;
}

export function addValidate(program: Command): void {
  withFiles(
    program
      .command('validate')
      .description('check files without a control plane; together they must hold all that they refer to'),
  )
    .option('--strict', 'treat warnings as errors')
    .action(async ({ file, strict }: ValidateFlags) => {
      const manifests = await loadManifests(file, process.env);
      const compiled = compileSnapshot([...manifests.documents, ...manifests.partial].map(({ resource }) => resource));
      const found = withoutFollowUps(manifests, compiled.problems);
      const problems = strict ? found.map((problem) => ({ ...problem, severity: 'error' as const })) : found;
      const text = formatProblems(manifests, problems);
      if ([...manifests.problems, ...problems].some(({ severity }) => severity === 'error'))
        throw new CommandFailure(text);
      if (text !== '') process.stderr.write(`${text}\n`);
      const count = manifests.documents.length;
      process.stdout.write(`${count === 1 ? '1 resource is' : `${count} resources are`} valid\n`);
    });
}
