import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { command, type Outcome, root } from './step.ts';

/** Run beside each other: what crashes, loads and times processes, and all else. */
const LANES = [['system'], ['unit', 'functional']] as const;

/** Runs all tests, in two lanes: most of the time a test waits for processes. What failed is said again at the end, a line each. */
export async function runTests(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-check-'));
  try {
    const outcomes = await Promise.all(LANES.map((projects, lane) => runLane(projects, reportOf(lane, folder))));
    const output = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.output]));
    if (output.length === 0) return { ok: true };
    const failures = await Promise.all(LANES.map((_, lane) => readFailures(reportOf(lane, folder))));
    return { ok: false, output: [...output, 'what failed:', ...failures.flat()].join('\n') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The first lane shows what it does as it goes; the other only what failed. */
function runLane(projects: readonly string[], report: string): Promise<Outcome> {
  const which = projects.flatMap((project) => ['--project', project]);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return command('vitest', ['run', ...which, ...reporters], { live: projects.includes('system') });
}

function reportOf(lane: number, folder: string): string {
  return join(folder, `lane-${lane}.json`);
}

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

async function readFailures(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return [`  ${path}: no report was written`];
  const { testResults } = JSON.parse(text) as Report;
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(root, name);
    const failed = assertionResults.filter((each) => each.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [`  ${file}: ${firstLine(message)}`] : [];
    return failed.map(({ fullName, failureMessages = [] }) => {
      return `  ${file}: ${fullName}: ${firstLine(failureMessages[0] ?? '')}`;
    });
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.slice(0, 200);
}
