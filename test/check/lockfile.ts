import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Outcome, root } from './step.ts';

type LockedPackage = { readonly version?: string; readonly optionalDependencies?: Readonly<Record<string, string>> };

/**
 * Fails when package-lock.json names an optional (platform) package that it does not also hold: `npm install` drops
 * those a registry has not yet got without a word, and the next `npm ci` refuses the lockfile.
 */
export async function checkLockfile(): Promise<Outcome> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const missing = findMissingPackages(lock.packages);
  if (missing.length === 0) return { ok: true };
  return { ok: false, output: `package-lock.json is incomplete:\n  ${missing.join('\n  ')}` };
}

/** Lines "name <- path version" for each optional dependency without an entry of its own. */
export function findMissingPackages(packages: Readonly<Record<string, LockedPackage>>): string[] {
  const marker = 'node_modules/';
  const held = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf(marker) + marker.length)));
  return Object.entries(packages).flatMap(([path, { version, optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !held.has(name))
      .map((name) => `${name} <- ${path === '' ? 'package.json' : path} ${version ?? ''}`.trimEnd()),
  );
}
