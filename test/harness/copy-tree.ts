import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readlink, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/**
 * Copies the project's own files to a new temporary directory and returns its path. Installed packages are linked, but
 * the workspaces' packages lead to the copy, so what is changed there is what runs there. The caller removes it.
 */
export async function copyTree(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'sluice-tree-'));
  const paths = await listTree(root);
  const directories = new Set(paths.map((path) => dirname(path)));
  for (const directory of directories) await mkdir(join(copy, directory), { recursive: true });
  await Promise.all(paths.map((path) => cp(join(root, path), join(copy, path), { verbatimSymlinks: true })));
  await run('git', ['init', '--quiet'], { cwd: copy });
  await linkPackages(copy, 'node_modules');
  const nested = [...directories].filter((directory) => directory !== '.');
  for (const directory of nested) await linkPackages(copy, join(directory, 'node_modules'));
  return copy;
}

/** Paths of the tree's files, relative to `top`: tracked, or new and not ignored. */
export async function listTree(top: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const { stdout } = await run('git', args, { cwd: top, maxBuffer: 64 << 20 });
  const listed = stdout.split('\0').filter((path) => path !== '');
  const removed = await run('git', ['ls-files', '-z', '--deleted'], { cwd: top, maxBuffer: 64 << 20 });
  const gone = new Set(removed.stdout.split('\0'));
  return listed.filter((path) => !gone.has(path)).sort();
}

async function linkPackages(copy: string, modules: string): Promise<void> {
  const entries = await readdir(join(root, modules), { withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return;
  await mkdir(join(copy, modules), { recursive: true });
  for (const entry of entries) {
    const path = join(modules, entry.name);
    if (entry.isSymbolicLink()) await symlink(await readlink(join(root, path)), join(copy, path));
    else if (entry.name === '@sluice') await linkPackages(copy, path);
    else if (!entry.name.startsWith('.') || entry.name === '.bin') await symlink(join(root, path), join(copy, path));
  }
}
