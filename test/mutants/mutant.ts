import { spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** A planted bug: a patch, and the test that must go red under it. */
export type Mutant = { readonly patch: string; readonly file: string; readonly name: string };

export type Run = { readonly passed: number; readonly failed: number };

/** Reads every patch beside this file. Throws where the first line does not name its test. */
export async function readMutants(): Promise<Mutant[]> {
  const patches = (await readdir(import.meta.dirname)).filter((name) => name.endsWith('.patch')).sort();
  return Promise.all(
    patches.map(async (patch) => {
      const [first = ''] = (await readFile(join(import.meta.dirname, patch), 'utf8')).split('\n');
      return { patch, ...parseHeader(patch, first) };
    }),
  );
}

/** Reads `# red: <test file> > <suite> > <test name>`. */
export function parseHeader(patch: string, line: string): { file: string; name: string } {
  const [file, ...names] = /^# red: (.*)$/.exec(line)?.[1]?.split(' > ') ?? [];
  if (file === undefined || names.length === 0) {
    throw new Error(`${patch}: the first line must read "# red: <test file> > <test name>"`);
  }
  return { file, name: names.join(' > ') };
}

/** Applies the patch to a tree, or takes it back. Throws where it does not fit. */
export async function applyPatch(tree: string, patch: string, direction: 'forward' | 'back'): Promise<void> {
  const args = ['apply', ...(direction === 'back' ? ['--reverse'] : []), join(import.meta.dirname, patch)];
  const { code, output } = await run('git', args, tree);
  if (code !== 0) throw new Error(`${patch} does not apply any more:\n${output}`);
}

/** Runs the one test in the tree and counts what passed and failed. */
export async function runTest(tree: string, { file, name }: Mutant): Promise<Run> {
  const pattern = `${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`;
  const vitest = join(tree, 'node_modules', 'vitest', 'vitest.mjs');
  const report = join(tree, 'node_modules', '.report.json');
  await rm(report, { force: true });
  const args = [vitest, 'run', file, '-t', pattern, '--reporter=json', `--outputFile=${report}`];
  const { output } = await run(process.execPath, args, tree);
  const text = await readFile(report, 'utf8').catch(() => {
    throw new Error(`vitest wrote no report for ${file}:\n${output}`);
  });
  const { numPassedTests, numFailedTests } = JSON.parse(text) as { numPassedTests: number; numFailedTests: number };
  return { passed: numPassedTests, failed: numFailedTests };
}

type Finished = { readonly code: number | null; readonly output: string };

async function run(program: string, args: readonly string[], cwd: string): Promise<Finished> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const child = spawn(program, args, { cwd, env: { ...env, NODE_ENV: 'test' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  child.once('error', reject);
  child.once('close', (code) => resolve({ code, output }));
  return promise;
}
