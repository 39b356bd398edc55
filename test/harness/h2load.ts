import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from './process.ts';
import { makeTempDir } from './temp-dir.ts';
import { within } from './wait-for.ts';

/** What became of an open-loop load, each per second. */
export type OpenLoopReport = {
  /** Answered with 200 within the client's patience of a second. */
  readonly good: number;
  /** Answered with 200 later. */
  readonly late: number;
  readonly shed: number;
  /** Answered otherwise, or broken off. */
  readonly failed: number;
  /** Of the good ones. */
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export type OpenLoad = {
  readonly port: number;
  /** Default: /. */
  readonly path?: string;
  readonly seconds: number;
  /** New connections a second with one request each; or requests a second over so many open ones; or, without a rate, as many as go. */
  readonly offer:
    | { readonly newConnections: number }
    | { readonly connections: number; readonly pipelined?: number; readonly rate?: number };
  readonly headers?: readonly string[];
  readonly wrapper?: readonly string[];
};

const patienceUs = 1_000_000;

function hasH2load(): boolean {
  return spawnSync('h2load', ['--version'], { stdio: 'ignore' }).error === undefined;
}

/** Offers a load with h2load (nghttp2-client), which gives up a new connection after a second, and goes on using an open one. */
export async function offerLoad({
  port,
  path = '/',
  seconds,
  offer,
  headers = [],
  wrapper = [],
}: OpenLoad): Promise<OpenLoopReport> {
  if (!hasH2load()) throw new Error('this needs h2load: apt-get install nghttp2-client');
  await using dir = await makeTempDir('h2load');
  const log = join(dir.path, 'requests.tsv');
  const shape =
    'newConnections' in offer
      ? newConnections(offer.newConnections, seconds)
      : openConnections(offer.connections, offer.pipelined ?? 1, offer.rate, seconds);
  const [program, ...args] = [
    ...wrapper,
    ...['h2load', '--h1', `--log-file=${log}`],
    ...headers.flatMap((header) => ['-H', header]),
    ...shape,
    `http://127.0.0.1:${port}${path}`,
  ] as const;
  await using running = await startProcess({ name: 'h2load', program: program as string, args });
  // It is known to wait on for connections that it never got; its log is written as it goes.
  await within('h2load ends', running.exited, (seconds + 3) * 1000).catch(() => running.kill());
  const lines = await readFile(log, 'latin1').catch((error: unknown) => {
    throw new Error(`h2load wrote no log: ${args.join(' ')}\n${running.output()}`, { cause: error });
  });
  const rows = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t').map(Number) as [startUs: number, status: number, us: number]);
  const good = rows.filter(([, status, us]) => status === 200 && us <= patienceUs);
  const us = good.map(([, , taken]) => taken).sort((a, b) => a - b);
  const count = (is: (status: number) => boolean) => rows.filter(([, status]) => is(status)).length / seconds;
  return {
    good: good.length / seconds,
    late: count((status) => status === 200) - good.length / seconds,
    shed: count((status) => status === 503),
    failed: count((status) => status !== 200 && status !== 503),
    p50Ms: (us[us.length >> 1] ?? 0) / 1000,
    p99Ms: (us[Math.floor(us.length * 0.99)] ?? 0) / 1000,
  };
}

/** Evenly, every 20 ms; at most as many as this process may have file descriptors. */
function newConnections(rate: number, seconds: number): string[] {
  const count = String(Math.min(Math.round(rate * seconds), 60_000));
  return [
    '-r',
    String(Math.max(1, Math.round(rate / 50))),
    '--rate-period=20ms',
    '-c',
    count,
    '-n',
    count,
    '-T',
    '1',
    '-N',
    '1',
  ];
}

function openConnections(connections: number, pipelined: number, rate: number | undefined, seconds: number): string[] {
  const pace = rate === undefined ? [] : ['--rps', String(rate / connections)];
  return ['-c', String(connections), '-m', String(pipelined), '-D', String(seconds), ...pace];
}
