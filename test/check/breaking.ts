import { execFileSync } from 'node:child_process';
import { command, type Outcome, root } from './step.ts';

/** Compares the .proto files with those of the last release tag; passes with a note where there is no tag yet. */
export async function checkBreaking(): Promise<Outcome> {
  const tag = findLastTag();
  if (tag === undefined) return { ok: true, note: 'no release tag to compare with yet' };
  const outcome = await command('buf', ['breaking', '--against', `.git#tag=${tag}`]);
  return outcome.ok ? { ok: true, note: `against ${tag}` } : outcome;
}

function findLastTag(): string | undefined {
  try {
    const tag = execFileSync('git', ['describe', '--tags', '--abbrev=0'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return tag.toString().trim();
  } catch {
    return undefined;
  }
}
