import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { command, type Outcome, root } from './step.ts';

/** What one run of vitest is told. */
interface Run {
  readonly name: string;
  readonly args: readonly string[];
}

/** A step of its own, before these. */
export const ARCHITECTURE = 'test/architecture';
/** Run beside each other, the runs of a lane one after the other: what crashes, loads and times processes, and all else. */
const LANES: readonly (readonly Run[])[] = [
  [{ name: 'system', args: ['--project', 'system'] }],
  [
    { name: 'engine', args: ['--project', 'engine', '--coverage.enabled'] },
    { name: 'others', args: ['--project', 'unit', '--project', 'functional', '--exclude', `${ARCHITECTURE}/**`] },
  ],
];

/** Runs all tests, in two lanes: most of the time a test waits for processes. What failed is said again at the end, a line each. */
export async function runTests(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-check-'));
  try {
    const ended = (await Promise.all(LANES.map((runs) => runLane(runs, folder)))).flat();
    const output = ended.flatMap(({ outcome }) => (outcome.ok ? [] : [outcome.output]));
    if (output.length === 0) return { ok: true };
    const failures = await Promise.all(ended.map((each) => failuresOf(each, folder)));
    return { ok: false, output: [...output, 'what failed:', ...failures.flat()].join('\n') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Ended {
  readonly run: Run;
  readonly outcome: Outcome;
}

async function runLane(runs: readonly Run[], folder: string): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  for (const run of runs) ended.push({ run, outcome: await runVitest(run, reportOf(run, folder)) });
  return ended;
}

async function failuresOf({ run, outcome }: Ended, folder: string): Promise<readonly string[]> {
  const failures = await readFailures(reportOf(run, folder));
  if (outcome.ok || failures.length > 0) return failures;
  // Such as `ERROR: Coverage for branches (94%) does not meet global threshold (95%)`.
  return outcome.output.split('\n').flatMap((line) => (/ERROR: /.test(line) ? [`  ${run.name}: ${line.trim()}`] : []));
}

/** The tests of whole processes show what they do as they go; the others only what failed. */
function runVitest({ name, args }: Run, report: string): Promise<Outcome> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  return command('vitest', ['run', ...args, ...reporters], { live: name === 'system' });
}

function reportOf({ name }: Run, folder: string): string {
  return join(folder, `${name}.json`);
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
