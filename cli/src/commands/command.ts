import { RpcError } from '@sluice/proto/grpc-client';
import type { Command } from 'commander';
import { type ControlPlaneClient, connect, type ServerFlags } from '../client/control-plane.ts';
import { explainError } from '../client/explain-error.ts';
import { CommandFailure } from '../exit.ts';
import type { LoadedManifests } from '../manifests/load-manifests.ts';
import { type OutputFormat, readOutputFormat } from '../output/print.ts';
import { collect } from './flags.ts';

/** Adds its commands to the program. Actions set `process.exitCode` where it is not 0, and throw CommandFailure. */
export type CommandFactory = (program: Command) => void;

/** Runs with a connection that the flags lead to; a failed call becomes words for people. */
export async function withControlPlane<T>(
  command: Command,
  run: (client: ControlPlaneClient) => Promise<T>,
  manifests?: LoadedManifests,
): Promise<T> {
  const client = connect(command.optsWithGlobals<ServerFlags>(), process.env);
  try {
    return await run(client);
  } catch (error) {
    if (error instanceof RpcError) throw new CommandFailure(explainError(error, client.server, manifests));
    throw error;
  } finally {
    client.close();
  }
}

/** Adds `-o`. */
export function withOutput(command: Command): Command {
  return command.option(
    '-o, --output <format>',
    'table, wide, json or yaml',
    readOutputFormat,
    'table' satisfies OutputFormat,
  );
}

/** Adds `-f`, which must be given. */
export function withFiles(command: Command): Command {
  return command.requiredOption(
    '-f, --file <path>',
    'a file, a folder with all below it, or - for standard input; may be given again',
    collect,
  );
}
