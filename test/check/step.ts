import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** What a check found. `note` is one line for the reader; `output` is printed only when it failed. */
export type Outcome = { readonly ok: true; readonly note?: string } | { readonly ok: false; readonly output: string };

export type Step = { readonly name: string; readonly run: () => Promise<Outcome> };

/** The project's top directory. */
export const root = join(import.meta.dirname, '..', '..');

/** Runs one step and prints its name, verdict and time. Returns whether it passed. */
export async function runStep(step: Step): Promise<boolean> {
  const startedAt = performance.now();
  const outcome = await step.run().catch((error: unknown): Outcome => ({ ok: false, output: String(error) }));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  if (!outcome.ok && outcome.output !== '') process.stdout.write(`${outcome.output.trimEnd()}\n`);
  const note = outcome.ok && outcome.note !== undefined ? `  ${outcome.note}` : '';
  process.stdout.write(`${outcome.ok ? 'ok    ' : 'FAILED'} ${step.name.padEnd(30)} ${seconds.padStart(6)} s${note}\n`);
  return outcome.ok;
}

export type CommandOptions = {
  readonly cwd?: string;
  /** Show the command's output as it comes instead of keeping it for a failure. */
  readonly live?: boolean;
};

/** Runs a program of the project or of the machine; fails on any exit code but 0. */
export async function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Outcome> {
  const cwd = options.cwd ?? root;
  const path = [join(cwd, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, PATH: path },
    stdio: ['ignore', options.live ? 'inherit' : 'pipe', options.live ? 'inherit' : 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  child.once('error', (error) => resolve({ ok: false, output: `${program}: ${error.message}` }));
  child.once('close', (code, signal) => {
    if (code === 0) return resolve({ ok: true });
    const ending = `${program} ${args.join(' ')}: ${signal === null ? `exit code ${code}` : signal}`;
    resolve({ ok: false, output: `${output}${ending}` });
  });
  return promise;
}
