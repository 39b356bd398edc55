import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { root } from '../harness/process.ts';
import type { Figure, Measured } from './figure.ts';
import type { Row } from './run-control-case.ts';
import type { Rounds } from './run-proxy-case.ts';

/** Everything that a run found, as it is kept in docs/performance.json. */
export type Results = { readonly machine: Machine; readonly cases: readonly CaseResult[] };

export type CaseResult = {
  readonly name: string;
  readonly about: string;
  /** The commit that was measured; with a `+` where files were changed since. */
  readonly commit: string;
  /** Date and time, UTC, to the minute. */
  readonly measuredAt: string;
  readonly tookSeconds: number;
  readonly rounds: Rounds;
  readonly figures: readonly Figure[];
  readonly candidates: readonly Measured[];
  /** Numbers that are not compared. */
  readonly rows: readonly Row[];
  /** Why it was not measured. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
};

export type Machine = {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  /** Load average over a minute when the run began. */
  readonly loadBefore: number;
  /** Versions of what was measured and of what measured, by name. */
  readonly versions: Readonly<Record<string, string>>;
};

const packages = ['@fastify/http-proxy', 'http-proxy-3', 'fast-gateway'];

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    loadBefore: Number(loadavg()[0]!.toFixed(2)),
    versions: {
      node: process.versions.node,
      nginx: readVersion('nginx'),
      haproxy: readVersion('haproxy'),
      wrk: readVersion('wrk'),
      ...Object.fromEntries(packages.map((name) => [name, readPackageVersion(name)])),
    },
  };
}

/** What `git describe` would say of the files that are measured; `unknown` outside a repository. */
export function describeCommit(): string {
  try {
    const run = (...args: string[]) => execFileSync('git', args, { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
    const changed = run('status', '--porcelain', '--', '.', ':!docs').length > 0;
    return run('rev-parse', '--short', 'HEAD').toString().trim() + (changed ? '+' : '');
  } catch {
    return 'unknown';
  }
}

/** The cases of an earlier run, in which those measured now replace their namesakes; in the given order. */
export function mergeResults(earlier: Results | undefined, now: Results, order: readonly string[]): Results {
  const byName = new Map([...(earlier?.cases ?? []), ...now.cases].map((one) => [one.name, one]));
  return { machine: now.machine, cases: order.flatMap((name) => byName.get(name) ?? []) };
}

export function readResults(file: string): Results | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return JSON.parse(text) as Results;
}

/** Numbers to five digits: more is noise, and a difference in it hides what changed. */
export function formatResults(results: Results): string {
  const round = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);
  // One round on each line.
  return `${JSON.stringify(results, round, 1).replaceAll(/\{[^{}[\]]*\}/g, (leaf) => leaf.replaceAll(/\n\s*/g, ' '))}\n`;
}

function readVersion(program: string): string {
  const { stdout, stderr, error } = spawnSync(program, ['-v'], { encoding: 'utf8' });
  if (error !== undefined) return 'not installed';
  return /\d+\.\d+(\.\d+)?/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

function readPackageVersion(name: string): string {
  const file = join(root, 'test', 'package.json');
  const { devDependencies } = JSON.parse(readFileSync(file, 'utf8')) as { devDependencies: Record<string, string> };
  return devDependencies[name] ?? 'unknown';
}
