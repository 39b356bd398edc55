import { describeFlags as controlPlaneFlags } from '@sluice/control-plane';
import { describeFlags as nodeFlags } from '@sluice/data-plane';
import { optionTable } from './commands.ts';
import { page } from './markdown.ts';

/** The page of what the programs are started with. */
export function settingsPage(): string {
  const programs = [controlPlaneFlags(), nodeFlags()];
  return page(
    'Settings',
    'What the programs are started with: a flag, or the environment variable beside it, which the flag wins over.',
    ...programs.map((program) => `## ${program.name()}\n\n${program.description()}\n\n${optionTable(program.options)}`),
  );
}
