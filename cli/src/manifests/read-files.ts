import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CommandFailure } from '../exit.ts';

/** What stands for standard input. */
export const STDIN = '-';

/** What the names of manifests in a folder end in. */
export const EXTENSIONS = ['.yaml', '.yml', '.json'];

/** A file to read, and whether a folder led to it. */
export interface FoundFile {
  readonly path: string;
  readonly isListed: boolean;
}

/** A path itself, or the manifests in a folder and all below it in the order of their names; hidden ones are passed over. */
export function listFiles(path: string): FoundFile[] {
  if (path === STDIN) return [{ path, isListed: false }];
  try {
    return statSync(path).isDirectory()
      ? listFolder(path).map((each) => ({ path: each, isListed: true }))
      : [{ path, isListed: false }];
  } catch (error) {
    throw cannotRead(path, error);
  }
}

/** The text of a file or of standard input. @throws CommandFailure where it cannot be read */
export async function readText(path: string): Promise<string> {
  try {
    return decodeText(path === STDIN ? await buffer(process.stdin) : readFileSync(path));
  } catch (error) {
    throw cannotRead(path === STDIN ? 'standard input' : path, error);
  }
}

/** @throws Error where the bytes are no UTF-8 */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is not UTF-8 text');
  }
}

/** Follows links, as to the files of a mounted ConfigMap, but not into folders twice. */
function listFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFolder(path);
      return EXTENSIONS.includes(extname(entry.name)) && statSync(path).isFile() ? [path] : [];
    });
}

function cannotRead(path: string, error: unknown): CommandFailure {
  return new CommandFailure(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
}
