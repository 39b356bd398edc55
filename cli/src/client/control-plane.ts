import { type Duration, durationMs } from '@bufbuild/protobuf/wkt';
import { ConfigService, FleetService, KeyService, RegistryService, TokenService } from '@sluice/proto';
import { createGrpcClient, type GrpcClient, parseServerAddress } from '@sluice/proto/grpc-client';
import { type Context, contextFilePath, readContextFile } from '../context/context-file.ts';
import { CommandFailure, EXIT } from '../exit.ts';

/** The services of one control plane. */
export interface ControlPlaneClient {
  readonly server: string;
  readonly config: GrpcClient<typeof ConfigService>;
  readonly keys: GrpcClient<typeof KeyService>;
  readonly tokens: GrpcClient<typeof TokenService>;
  readonly registry: GrpcClient<typeof RegistryService>;
  readonly fleet: GrpcClient<typeof FleetService>;
  close(): void;
}

/** What was said on the command line or in the environment about where to go. */
export interface ServerFlags {
  readonly server?: string | undefined;
  readonly token?: string | undefined;
  readonly context?: string | undefined;
  /** How long an answer may take. */
  readonly requestTimeout?: Duration | undefined;
}

/** Where to go, and what to show there. */
export interface Destination {
  readonly server: string;
  readonly token: string | undefined;
}

const DEFAULT_SERVER = 'http://127.0.0.1:7070';

/** Connects at the first call. @throws CommandFailure where the flags and the context file lead nowhere */
export function connect(flags: ServerFlags, env: NodeJS.ProcessEnv): ControlPlaneClient {
  const { server, token } = findDestination(flags, env);
  const options = {
    ...(token === undefined ? {} : { token }),
    ...(flags.requestTimeout === undefined ? {} : { timeoutMs: durationMs(flags.requestTimeout) }),
  };
  const config = createGrpcClient(ConfigService, server, options);
  const keys = createGrpcClient(KeyService, server, options);
  const tokens = createGrpcClient(TokenService, server, options);
  const registry = createGrpcClient(RegistryService, server, options);
  const fleet = createGrpcClient(FleetService, server, options);
  return {
    server,
    config,
    keys,
    tokens,
    registry,
    fleet,
    close: () => {
      for (const client of [config, keys, tokens, registry, fleet]) client.close();
    },
  };
}

/** The flags win over the context, and the context over the default. A context's token goes to its own server only. */
export function findDestination(flags: ServerFlags, env: NodeJS.ProcessEnv): Destination {
  const context = flags.server && flags.token && !flags.context ? undefined : findContext(flags, env);
  const server = flags.server || context?.server || DEFAULT_SERVER;
  if (parseServerAddress(server) === undefined) {
    throw new CommandFailure(`"${server}" is no server address: write it as http://HOST:PORT`, EXIT.usage);
  }
  const token =
    flags.token || (context !== undefined && isSameServer(server, context.server) ? context.token : undefined);
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new CommandFailure(
      'the token has characters that no token has: spaces, line breaks or not ASCII',
      EXIT.usage,
    );
  }
  return { server, token };
}

function findContext({ context: wanted, server }: ServerFlags, env: NodeJS.ProcessEnv): Context | undefined {
  const path = contextFilePath(env);
  const { contexts, currentContext } = readContextFile(path);
  const name = wanted || currentContext;
  const found = contexts.find((each) => each.name === name);
  if (wanted && found === undefined) {
    throw new CommandFailure(`there is no context ${wanted} in ${path}; see: gatewayctl context list`, EXIT.usage);
  }
  if (server && !wanted) {
    return [found, ...contexts].find((each) => each !== undefined && isSameServer(server, each.server));
  }
  if (found === undefined && contexts.length > 0) {
    const why = name === undefined ? 'has no current context' : `has no context ${name}, its current one`;
    throw new CommandFailure(`${path} ${why}; choose one with: gatewayctl context use NAME`, EXIT.usage);
  }
  return found;
}

function isSameServer(a: string, b: string): boolean {
  const [one, other] = [parseServerAddress(a), parseServerAddress(b)];
  return one !== undefined && one.target === other?.target && one.secure === other.secure;
}
