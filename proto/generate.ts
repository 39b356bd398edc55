/** Regenerates src/gen from the .proto files, or says with `--check` (exit 1) that it is not what they generate. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const generated = join(import.meta.dirname, 'src/gen');

if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(join(tmpdir(), 'sluice-generate-'));
  try {
    execFileSync('buf', ['generate', '--output', fresh], { cwd: root, stdio: 'inherit' });
    const differing = differences(generated, join(fresh, 'proto/src/gen'));
    if (differing.length > 0) {
      console.error(`Generated code is not what the .proto files say; run: npm run generate\n${differing.join('\n')}`);
      process.exit(1);
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
} else {
  execFileSync('buf', ['generate'], { cwd: root, stdio: 'inherit' });
}

/** Relative paths of files that only one of two folders has, or that differ. */
function differences(a: string, b: string): string[] {
  const filesOf = (dir: string): Map<string, string> =>
    new Map(
      readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]),
    );
  const left = filesOf(a);
  const right = filesOf(b);
  return [...new Set([...left.keys(), ...right.keys()])].filter((path) => left.get(path) !== right.get(path)).sort();
}
