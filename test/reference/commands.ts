import { createProgram } from 'gatewayctl';
import { code, page, table } from './markdown.ts';

type Command = ReturnType<typeof createProgram>;
type Option = Command['options'][number];

/** The page of gatewayctl: every command with its arguments and options. */
export function commandsPage(): string {
  const program = createProgram();
  return page(
    'gatewayctl',
    `${program.description()} Exit codes: 0 done, 1 failed, 2 bad usage, 3 differences (\`diff\`).`,
    '## Everywhere',
    optionTable(program.options),
    ...leavesOf(program).map(describeCommand),
  );
}

/** The options of a program as a table; those that are also environment variables say so. */
export function optionTable(options: readonly Option[]): string {
  const rows = options.filter(({ hidden }) => !hidden).map(describeOption);
  const columns = ['option', 'environment', 'default', 'meaning'];
  const used = columns.map((_, index) => index === 0 || index === 3 || rows.some((row) => row[index] !== ''));
  const keep = (row: readonly string[]) => row.filter((_, index) => used[index]);
  return table(keep(columns), rows.map(keep));
}

function describeOption({
  flags,
  description,
  envVar,
  defaultValue,
  defaultValueDescription,
  mandatory,
}: Option): string[] {
  const unset = defaultValueDescription ?? formatDefault(defaultValue);
  const shown = /^\S+$/.test(unset) ? code(unset) : unset;
  return [code(flags), code(envVar ?? ''), mandatory ? 'must be given' : shown, description];
}

function formatDefault(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Commands that do something, as against those that only hold others. Hidden ones are left out. */
function leavesOf(command: Command): Command[] {
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== 'help') as Command[];
  return children.flatMap((child) => (child.commands.length > 0 ? leavesOf(child) : [child]));
}

function describeCommand(command: Command): string {
  const args = command.registeredArguments.filter(({ description }) => description !== '');
  return [
    `## ${pathOf(command)}`,
    sentence(command.description()),
    code(`${pathOf(command)} ${command.usage()}`.trim()),
    ...(args.length === 0 ? [] : [args.map((arg) => `- ${code(arg.name())}: ${arg.description}`).join('\n')]),
    ...(command.options.length === 0 ? [] : [optionTable(command.options)]),
  ].join('\n\n');
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
