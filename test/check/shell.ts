import { spawnSync } from 'node:child_process';
import { command, type Outcome } from './step.ts';

const scripts = ['.ci/run'];

/** Lints the project's shell scripts; passes with a note where shellcheck is not installed. */
export async function checkShell(): Promise<Outcome> {
  const installed = spawnSync('shellcheck', ['--version'], { stdio: 'ignore' }).status === 0;
  if (!installed) return { ok: true, note: 'shellcheck is not installed' };
  return command('shellcheck', scripts);
}
