import tab from '@bomb.sh/tab/commander';
import { Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addApply } from './commands/apply.ts';
import { addBreakers } from './commands/breakers.ts';
import { addCache } from './commands/cache.ts';
import type { CommandFactory } from './commands/command.ts';
import { addContext } from './commands/context.ts';
import { addDelete } from './commands/delete.ts';
import { addDescribe } from './commands/describe.ts';
import { addDiff } from './commands/diff.ts';
import { addExplain } from './commands/explain.ts';
import { addExport } from './commands/export.ts';
import { durationOption } from './commands/flags.ts';
import { addGet } from './commands/get.ts';
import { addHistory } from './commands/history.ts';
import { addKeys } from './commands/keys.ts';
import { addNodes } from './commands/nodes.ts';
import { addRollback } from './commands/rollback.ts';
import { addServices } from './commands/services.ts';
import { addShowRevision } from './commands/show-revision.ts';
import { addTokens } from './commands/tokens.ts';
import { addValidate } from './commands/validate.ts';

/** In the order in which help lists them. */
const COMMANDS: readonly CommandFactory[] = [
  addApply,
  addDiff,
  addValidate,
  addGet,
  addDescribe,
  addDelete,
  addExport,
  addExplain,
  addHistory,
  addShowRevision,
  addRollback,
  addNodes,
  addKeys,
  addTokens,
  addBreakers,
  addCache,
  addServices,
  addContext,
];

/** All of gatewayctl's commands. Parsing throws CommanderError instead of ending the process. */
export function createProgram(): Command {
  const program = new Command('gatewayctl')
    .description('Changes and shows what a Sluice control plane holds, and what its nodes do.')
    .version(packageJson.version)
    .addOption(new Option('--server <url>', 'the control plane').env('SLUICE_SERVER'))
    .addOption(new Option('--token <token>', 'the token it wants').env('SLUICE_TOKEN'))
    .addOption(new Option('--context <name>', 'a context other than the current one').env('SLUICE_CONTEXT'))
    .addOption(
      durationOption('--request-timeout <duration>', 'how long one answer may take', '1h', '2m').env(
        'SLUICE_REQUEST_TIMEOUT',
      ),
    )
    .addHelpText(
      'after',
      `
Exit codes: 0 done, 1 failed, 2 bad usage, 3 differences (diff). Without --server, the current context says where the control
plane is: SLUICE_CONTEXT_FILE, or ~/.config/sluice/contexts.yaml, which the control plane writes at its first start.`,
    )
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of COMMANDS) add(program);
  for (const command of descendantsOf(program)) command.exitOverride();
  tab(program, { completionCommandName: 'completion' });
  const completion = program.commands.find((command) => command.name() === 'completion');
  completion?.description('print what makes a shell complete gatewayctl: bash, zsh, fish or powershell');
  return program;
}

function descendantsOf(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendantsOf(child)]);
}
