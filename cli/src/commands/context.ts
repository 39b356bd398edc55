import { parseServerAddress } from '@sluice/proto/grpc-client';
import type { Command } from 'commander';
import type { ServerFlags } from '../client/control-plane.ts';
import { contextFilePath, deleteContext, putContext, readContextFile, useContext } from '../context/context-file.ts';
import { CommandFailure, EXIT } from '../exit.ts';
import { type OutputFormat, printList } from '../output/print.ts';
import { withOutput } from './command.ts';

export function addContext(program: Command): void {
  const context = program.command('context').description('control planes to work with, and which one counts');
  withOutput(context.command('list', { isDefault: true }).description('all contexts; never their tokens')).action(
    ({ output }: { output: OutputFormat }) => {
      listContexts(output);
    },
  );
  context
    .command('use')
    .description('make a context the one that counts')
    .argument('<name>', 'its name')
    .action((name: string) => {
      useContext(contextFilePath(process.env), name);
      process.stdout.write(`${name} is the current context\n`);
    });
  context
    .command('set')
    .description('make or change a context, with the --server and --token given')
    .argument('<name>', 'its name')
    .action((name: string, _flags: object, command: Command) => {
      setContext(name, command.optsWithGlobals<ServerFlags>());
    });
  context
    .command('delete')
    .description('forget a context')
    .argument('<name>', 'its name')
    .action((name: string) => {
      deleteContext(contextFilePath(process.env), name);
      process.stdout.write(`${name} is forgotten\n`);
    });
}

function listContexts(output: OutputFormat): void {
  const { contexts, currentContext } = readContextFile(contextFilePath(process.env));
  printList(
    output,
    contexts,
    [
      { title: 'current', value: ({ name }) => (name === currentContext ? '*' : '') },
      { title: 'name', value: ({ name }) => name },
      { title: 'server', value: ({ server }) => server },
      { title: 'token', value: ({ token }) => (token === undefined ? 'none' : 'yes') },
    ],
    ({ name, server, token }) => ({ name, server, hasToken: token !== undefined, current: name === currentContext }),
  );
}

/** The token of a context is kept where none is given and the server stays. */
function setContext(name: string, { server, token }: ServerFlags): void {
  const path = contextFilePath(process.env);
  const before = readContextFile(path).contexts.find((each) => each.name === name);
  const address = server || before?.server;
  if (address === undefined || parseServerAddress(address) === undefined)
    throw new CommandFailure('give the control plane with --server http://HOST:PORT', EXIT.usage);
  const kept = token || (address === before?.server ? before.token : undefined);
  putContext(path, { name, server: address, ...(kept === undefined ? {} : { token: kept }) });
  process.stdout.write(`context ${name}: ${address}\n`);
}
