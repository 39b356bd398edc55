import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type LogLevel, logLevels } from '@sluice/engine';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** How a control plane process is started. Not to be confused with the configuration that it stores. */
export interface Settings {
  /** Where it listens. Port 0: any free one. */
  readonly listen: ListenAddress;
  /** A postgres:// URL, or `embedded`: PGlite in the data directory. */
  readonly database: string;
  /** Holds the embedded database, the token and the secret key. One process each. */
  readonly dataDir: string;
  /** `none` only where `listen` is a loopback address. */
  readonly auth: 'token' | 'none';
  /** The bootstrap token to begin with. Unset: a random one is made at the first start. */
  readonly token?: string;
  /** The gatewayctl context file that the token is written to. Unset: none. */
  readonly contextFile?: string;
  /** Seals secret fields; made at the first start. Unset: `secret.key` in the data directory. */
  readonly secretKeyFile?: string;
  /** Begin a new history, as after a restore of the database. */
  readonly newHistory: boolean;
  readonly logLevel: LogLevel;
  /** Between signs of life on a watch stream, both ways. */
  readonly heartbeatIntervalMs: number;
  /** Nodes connected to this process at most. */
  readonly maxNodes: number;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What a command line asks for: to run, or to print `text` and end with `exitCode`. */
export type ParsedSettings =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'exit'; readonly exitCode: number; readonly text: string };

/** Reads flags, and for those not given the environment variables named after them. The first argument is the first flag. */
export function parseSettings(args: readonly string[]): ParsedSettings {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const command = describeFlags().configureOutput({ writeOut: write, writeErr: write }).exitOverride();
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', exitCode: error.exitCode, text: text.replace(/^error: /, '') };
  }
  const flags = command.opts<Flags>();
  const problem = findProblem(flags);
  if (problem !== undefined) return { kind: 'exit', exitCode: 1, text: `${problem}\n` };
  const { heartbeatInterval, ...settings } = flags;
  return { kind: 'run', settings: { ...settings, heartbeatIntervalMs: heartbeatInterval } };
}

/** HOST:PORT, an IPv6 host in brackets. */
export function formatAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether only this machine reaches a host. Names other than `localhost` are not looked up and count as no. */
export function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || host === 'localhost';
}

/** As Settings, with the names that the flags give. */
type Flags = Omit<Settings, 'heartbeatIntervalMs'> & { readonly heartbeatInterval: number };

/** All flags, with what they mean and their defaults. */
export function describeFlags(): Command {
  const command = new Command('sluice-control-plane')
    .description('Stores, validates and versions the configuration, and streams it to the nodes.')
    .helpOption('--help', 'print this')
    .allowExcessArguments(false);
  const options = [
    new Option('--listen <host:port>', 'gRPC, gRPC-Web and Connect; port 0: any free one')
      .argParser(parseListenAddress)
      .default({ host: '127.0.0.1', port: 7070 }, '127.0.0.1:7070'),
    new Option('--database <url>', 'postgres://..., or embedded: a database in the data directory').default('embedded'),
    new Option('--data-dir <dir>', 'the embedded database, the token and the secret key').default('.sluice'),
    new Option('--auth <mode>', 'none: nobody is asked for a token; loopback addresses only')
      .choices(['token', 'none'])
      .default('token'),
    new Option('--token <token>', 'the bootstrap token to begin with; unset: a random one, made at the first start'),
    new Option('--context-file <file>', 'the gatewayctl context file that the token is written to').default(
      join(homedir(), '.config', 'sluice', 'contexts.yaml'),
      '~/.config/sluice/contexts.yaml',
    ),
    new Option('--secret-key-file <file>', 'seals secret fields; unset: secret.key in the data directory'),
    new Option('--new-history', 'begin a new history, as after a restore of the database').default(false),
    new Option('--log-level <level>', 'what is logged').choices(logLevels).default('info'),
    new Option('--heartbeat-interval <duration>', 'between signs of life on a watch stream, 50ms to 5m')
      .argParser(parseInterval)
      .default(5000, '5s'),
    new Option('--max-nodes <count>', 'nodes connected at most').argParser(parseCount).default(5000),
  ];
  for (const option of options) {
    command.addOption(option.env(`SLUICE_${option.name().toUpperCase().replaceAll('-', '_')}`));
  }
  return command;
}

function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) throw new InvalidArgumentError('It is HOST:PORT, such as 127.0.0.1:7070.');
  if (match?.[1] !== undefined && !isIPv6(host)) throw new InvalidArgumentError('The host is no IPv6 address.');
  return { host, port };
}

/** Checked apart from parsing, whose messages repeat the value: a token is secret, and so may a URL be. */
function findProblem(flags: Flags): string | undefined {
  if (flags.auth === 'none' && !isLoopback(flags.listen.host)) {
    return `--auth none is for loopback addresses only, and --listen is ${formatAddress(flags.listen)}`;
  }
  if (flags.token !== undefined && !/^[\x21-\x7e]{16,256}$/.test(flags.token)) {
    return '--token must have 16 to 256 visible ASCII characters';
  }
  if (flags.database !== 'embedded' && !isPostgresUrl(flags.database)) {
    return '--database must be postgres://USER:PASSWORD@HOST:PORT/DATABASE, or embedded';
  }
  return undefined;
}

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'postgres:' || url.protocol === 'postgresql:') && url.pathname.length > 1;
}

function parseInterval(text: string): number {
  const match = /^(\d{1,6})(ms|s|m)$/.exec(text);
  const ms = Number(match?.[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match?.[2] ?? ''] ?? Number.NaN);
  if (!(ms >= 50 && ms <= 300_000)) throw new InvalidArgumentError('It is a duration from 50ms to 5m, such as 5s.');
  return ms;
}

function parseCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new InvalidArgumentError('It is a whole number from 1.');
  return count;
}
