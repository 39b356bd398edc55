import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestReport, TestRequest } from './test-runner.ts';

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

/** The files that a patch changes. */
async function changedFiles(patch: string): Promise<string[]> {
  const text = await readFile(join(import.meta.dirname, patch), 'utf8');
  return [...text.matchAll(/^\+\+\+ b\/(.*)$/gm)].map(([, path]) => path!);
}

/** Plants bugs in a copy of the tree and runs tests there, one after the other. */
export type TestRunner = AsyncDisposable & {
  /** Applies the patch to the tree, or takes it back. Throws where it does not fit. */
  readonly apply: (patch: string, direction: 'forward' | 'back') => Promise<void>;
  /** Runs the one test and counts what passed and failed. */
  readonly run: (mutant: Mutant) => Promise<Run>;
};

export async function startTestRunner(tree: string): Promise<TestRunner> {
  const child = fork(join(tree, 'test', 'mutants', 'test-runner.ts'), {
    cwd: tree,
    env: testEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-10_000);
    });
  }
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  child.once('exit', (code) => ended.reject(new Error(`the test runner ended with ${code}:\n${output}`)));
  const next = async <T>(): Promise<T> => (await Promise.race([once(child, 'message'), ended.promise]))[0] as T;
  await next();
  const changed = new Set<string>();
  return {
    async apply(patch, direction) {
      const args = ['apply', ...(direction === 'back' ? ['--reverse'] : []), join(import.meta.dirname, patch)];
      const { code, output } = await run('git', args, tree);
      if (code !== 0) throw new Error(`${patch} does not apply any more:\n${output}`);
      for (const path of await changedFiles(patch)) changed.add(path);
    },
    async run({ file, name }) {
      const answer = next<TestReport>();
      child.send({ file, name, changed: [...changed] } satisfies TestRequest);
      changed.clear();
      const report = await answer;
      if ('error' in report) throw new Error(`${file} > ${name}: ${report.error}`);
      return report;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}

function testEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  return { ...Object.fromEntries(own), NODE_ENV: 'test' };
}

type Finished = { readonly code: number | null; readonly output: string };

async function run(program: string, args: readonly string[], cwd: string): Promise<Finished> {
  const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
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
