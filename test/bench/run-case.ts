import { performance } from 'node:perf_hooks';
import type { Case } from './cases.ts';
import { judge } from './figure.ts';
import { runPolicyCosts } from './policies/run-policy-costs.ts';
import { type CaseResult, describeCommit } from './results.ts';
import { type Row, runControlCase } from './run-control-case.ts';
import { runIdleCase } from './run-idle-case.ts';
import { runLatencyCase } from './run-latency-case.ts';
import { runOverloadCase } from './run-overload-case.ts';
import { type Outcome, type Rounds, runProxyCase } from './run-proxy-case.ts';
import { runWorkersCase } from './run-workers-case.ts';

export type RunOptions = {
  readonly rounds: Rounds;
  readonly quick: boolean;
  /** Only this proxy of a case that compares several. */
  readonly only?: string | undefined;
};

/** Runs a case and judges its bounds. A case that cannot be run is a result too: with the reason. */
export async function runCase(one: Case, options: RunOptions): Promise<CaseResult> {
  const startedAt = performance.now();
  const outcome = await measureCase(one, options).catch((error: unknown) => ({
    ...nothing,
    problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
  }));
  return {
    name: one.name,
    about: one.about,
    commit: describeCommit(),
    measuredAt: new Date().toISOString().slice(0, 16).replace('T', ' '),
    tookSeconds: Math.round((performance.now() - startedAt) / 1000),
    rounds: options.rounds,
    figures: one.bounds.flatMap((bound) => judge(bound, outcome.candidates) ?? []),
    ...outcome,
  };
}

const nothing = { candidates: [], rows: [], problems: [], notes: [] };

async function measureCase(
  one: Case,
  { rounds, quick, only }: RunOptions,
): Promise<Outcome & { readonly rows: readonly Row[] }> {
  switch (one.kind) {
    case 'proxy':
      return { rows: [], ...(await runProxyCase(one, rounds, only)) };
    case 'latency':
      return { rows: [], ...(await runLatencyCase(one, rounds)) };
    case 'workers':
      return { rows: [], ...(await runWorkersCase(one, rounds)) };
    case 'idle':
      return { rows: [], ...(await runIdleCase(one, rounds)) };
    case 'overload':
      return { rows: [], ...(await runOverloadCase(one, rounds)) };
    case 'costs':
      return runPolicyCosts(one.costs, rounds);
    case 'control':
      return { ...nothing, rows: await runControlCase(one, quick) };
    default:
      return one satisfies never;
  }
}
