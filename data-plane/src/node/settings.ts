import { availableParallelism, hostname } from 'node:os';
import { join } from 'node:path';
import { type LogLevel, logLevels } from '@sluice/engine';
import { Command, CommanderError, Option } from 'commander';
import type { ListenerAddress } from '../worker/messages.ts';
import {
  collectBind,
  isOtlpEndpoint,
  parseAddress,
  parseControlPlanes,
  parseDnsServers,
  parseDuration,
  parseLabel,
  parseLimiterCells,
  parseMaxStaleness,
  parseMebibytes,
  parseNodeId,
  parseOtlp,
  parseRedis,
  parseWorkers,
} from './settings-values.ts';

/** How a node process is started. Not to be confused with the configuration that it gets. */
export interface Settings {
  /** `http://HOST:PORT` of control planes that share a database, at least one: where one is not there, the next is tried. */
  readonly controlPlanes: readonly string[];
  /** Unique in the fleet. */
  readonly nodeId: string;
  readonly group: string;
  readonly zone: string;
  readonly workers: number;
  /** Listeners whose address is given here, whatever the configuration says. */
  readonly binds: readonly ListenerAddress[];
  /** Where the node's own endpoints are. */
  readonly admin: { readonly host: string; readonly port: number };
  /** Holds the last snapshot; one process each. */
  readonly cacheDir: string;
  /** Shown to the control plane. Unset: none. */
  readonly token: string | undefined;
  /** Start beside a process that still listens on the same addresses. */
  readonly takeover: boolean;
  /** What requests may still take once the node is told to stop. */
  readonly drainTimeoutMs: number;
  /** How long the node still accepts connections once it is told to stop, so that load balancers see that it is not ready. */
  readonly drainDelayMs: number;
  /** Cells of the rate limiter, a power of two. */
  readonly limiterCells: number;
  /** What cached answers may take. */
  readonly responseCacheBytes: number;
  /** `redis://[USER:PASSWORD@]HOST:PORT[/DB]`: where the nodes of a cluster share limits and answers. Unset: none. */
  readonly redis: string | undefined;
  /** `ADDRESS:PORT` of the DNS servers that know the services whose endpoints are found. None: those of the system. */
  readonly dnsServers: readonly string[];
  /** How long after the control plane last confirmed what the node has credentials are believed. Unset: for any time. */
  readonly maxStalenessMs: number | undefined;
  readonly logLevel: LogLevel;
  /** A file, or a named pipe, that access logs are appended to. Unset: standard output. */
  readonly accessLog: string | undefined;
  /** `http://HOST:PORT[/PATH]` of who takes the spans of traced requests by OTLP. Unset: nobody. */
  readonly otlp: string | undefined;
}

/** What a command line asks for: to run, or to print `text` and end with `exitCode`. */
export type ParsedSettings =
  | { readonly kind: 'run'; readonly settings: Settings }
  | { readonly kind: 'exit'; readonly exitCode: number; readonly text: string };

/** Reads flags, and for those not given the environment variables named after them. The first argument is the first flag. */
export function parseSettings(args: readonly string[]): ParsedSettings {
  let text = '';
  const write = (part: string): void => {
    text += part;
  };
  const command = describeFlags().configureOutput({ writeOut: write, writeErr: write }).exitOverride();
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'exit', exitCode: error.exitCode, text: text.replace(/^error: /, '') };
  }
  const {
    bind,
    controlPlane,
    drainTimeout,
    drainDelay,
    maxStaleness,
    cacheDir,
    token,
    redis,
    responseCache,
    accessLog,
    dnsServer,
    otlp,
    ...flags
  } = command.opts<Flags>();
  return {
    kind: 'run',
    settings: {
      ...flags,
      token,
      redis,
      accessLog,
      dnsServers: dnsServer,
      responseCacheBytes: responseCache,
      otlp: otlp ?? endpointOfEnvironment(),
      binds: bind,
      controlPlanes: controlPlane,
      drainTimeoutMs: drainTimeout,
      drainDelayMs: drainDelay,
      maxStalenessMs: Number.isFinite(maxStaleness) ? maxStaleness : undefined,
      cacheDir: cacheDir ?? join('.sluice', 'nodes', flags.nodeId),
    },
  };
}

type Flags = Omit<
  Settings,
  | 'binds'
  | 'controlPlanes'
  | 'dnsServers'
  | 'drainTimeoutMs'
  | 'drainDelayMs'
  | 'maxStalenessMs'
  | 'cacheDir'
  | 'responseCacheBytes'
> & {
  readonly responseCache: number;
  readonly bind: readonly ListenerAddress[];
  readonly controlPlane: readonly string[];
  readonly dnsServer: readonly string[];
  readonly drainTimeout: number;
  readonly drainDelay: number;
  readonly maxStaleness: number;
  readonly cacheDir: string | undefined;
};

/** All flags, with what they mean and their defaults. */
export function describeFlags(): Command {
  const command = new Command('sluice-node')
    .description('Carries the traffic: gets its configuration from a control plane and decides everything locally.')
    .helpOption('--help', 'print this')
    .allowExcessArguments(false);
  const options = [
    new Option('--control-plane <url,...>', 'the control plane; where there are several on one database, all of them')
      .argParser(parseControlPlanes)
      .default(['http://127.0.0.1:7070'], 'http://127.0.0.1:7070'),
    new Option('--node-id <id>', 'unique in the fleet')
      .argParser(parseNodeId)
      .default(defaultNodeId(), "the host's name"),
    new Option('--group <name>', 'the node group: a region or a role').argParser(parseLabel).default('default'),
    new Option('--zone <name>', 'the zone within the region').default('', 'none'),
    new Option('--workers <count>', 'threads that carry traffic, 1 to 64')
      .argParser(parseWorkers)
      .default(availableParallelism(), 'one for each core'),
    new Option('--bind <name=host:port>', 'the address of a listener; may be given again; port 0: any free one')
      .argParser(collectBind)
      .default([], 'as the configuration says'),
    new Option('--admin <host:port>', "the node's own endpoints; port 0: any free one")
      .argParser(parseAddress)
      .default({ host: '127.0.0.1', port: 9901 }, '127.0.0.1:9901'),
    new Option('--cache-dir <dir>', 'holds the last snapshot; unset: .sluice/nodes/NODE-ID'),
    new Option('--token <token>', 'shown to the control plane'),
    new Option(
      '--takeover',
      'start beside a process of the same node, with the same settings, and take its place when that is told to stop; connections that it had not accepted by then are handed over too where net.ipv4.tcp_migrate_req is 1',
    ).default(false),
    new Option('--drain-timeout <duration>', 'what requests may still take at the end, 0s to 10m')
      .argParser(parseDuration)
      .default(30_000, '30s'),
    new Option(
      '--drain-delay <duration>',
      'how long connections are still accepted before that while /__ready says 503, so that load balancers see it first, 0s to 10m',
    )
      .argParser(parseDuration)
      .default(0, '0s'),
    new Option(
      '--max-staleness <duration>',
      'how long after the control plane last confirmed what the node has credentials are believed, 1s to 30d, or off; past it routes with auth answer 503, and others go on. More than two heartbeats of the control plane',
    )
      .argParser(parseMaxStaleness)
      .default(Number.POSITIVE_INFINITY, 'off'),
    new Option(
      '--limiter-cells <count>',
      'cells of the rate limiter, a power of two from 2048; up to 262144 as many again for sliding windows',
    )
      .argParser(parseLimiterCells)
      .default(131_072),
    new Option(
      '--response-cache <size>',
      'memory for answers that are kept for routes with a cache, 0MiB to 16384MiB; each worker has its part, and no answer takes more than a quarter of that',
    )
      .argParser(parseMebibytes)
      .default(64 * 1024 * 1024, '64MiB'),
    new Option(
      '--redis <url>',
      'a Redis 7 or newer, redis:// or rediss://, by which all nodes share limits of scope cluster, and caches with shared: redis; all nodes name the same',
    ).argParser(parseRedis),
    new Option(
      '--dns-server <address,...>',
      'DNS servers that know the services whose endpoints are discovered, such as 10.0.0.53 or [fd00::53]:5353; the next is asked where one does not answer',
    )
      .argParser(parseDnsServers)
      .default([], 'those of the system'),
    new Option('--log-level <level>', 'what is logged').choices(logLevels).default('info'),
    new Option(
      '--access-log <file>',
      'where the lines of access logs go: a file, which is made anew once it was moved away, or a named pipe; unset: standard output',
    ),
    new Option(
      '--otlp <url>',
      'who takes the spans of traced requests by OTLP over HTTP, such as http://127.0.0.1:4318; unset: as OTEL_EXPORTER_OTLP_ENDPOINT says, else nobody',
    ).argParser(parseOtlp),
  ];
  for (const option of options)
    command.addOption(option.env(`SLUICE_${option.name().toUpperCase().replaceAll('-', '_')}`));
  return command;
}

function defaultNodeId(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '') || 'node'
  );
}

/** Of other programs too: one that is of no use here is as if it were not there. */
function endpointOfEnvironment(): string | undefined {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } = process.env;
  return endpoint !== undefined && isOtlpEndpoint(endpoint) ? endpoint : undefined;
}
