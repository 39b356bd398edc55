import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { command, type Outcome, root } from './step.ts';

/**
 * Runs both kinds of tests beside each other: system tests wait for processes most of the time, and leave a core to unit tests. What
 * failed is said again at the end, a line each.
 */
export async function runTests(): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-check-'));
  try {
    const outcomes = await Promise.all([runProject('unit', folder, false), runProject('system', folder, true)]);
    const output = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.output]));
    if (output.length === 0) return { ok: true };
    const failures = await Promise.all(['unit', 'system'].map((project) => readFailures(reportOf(project, folder))));
    return { ok: false, output: [...output, 'what failed:', ...failures.flat()].join('\n') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runProject(project: string, folder: string, live: boolean): Promise<Outcome> {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportOf(project, folder)}`];
  return command('vitest', ['run', '--project', project, ...reporters], { live });
}

function reportOf(project: string, folder: string): string {
  return join(folder, `${project}.json`);
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
