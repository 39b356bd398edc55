import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ManifestDocument, ManifestProblem, PartialManifest, Problem } from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { CommandFailure } from '../exit.ts';
import { type FilePlace, formatProblem } from '../output/problems.ts';
import { decodeText, EXTENSIONS, listFiles, readText, STDIN } from './read-files.ts';

/** What files say, and where they say it. */
export interface LoadedManifests {
  readonly documents: readonly ManifestDocument[];
  /** Those with problems; only to find what else is wrong with them. */
  readonly partial: readonly PartialManifest[];
  readonly problems: readonly ManifestProblem[];
  /** Where the field that a problem is about stands. Undefined: in none of the files. */
  placeOf(problem: Pick<Problem, 'kind' | 'name' | 'field'>): FilePlace | undefined;
}

/**
 * Reads files, whole folders and, for `-`, standard input. What a manifest takes in with `{file:}` is no manifest itself where it lies
 * in such a folder.
 * @throws CommandFailure where one cannot be read
 */
export async function loadManifests(paths: readonly string[], env: NodeJS.ProcessEnv): Promise<LoadedManifests> {
  const files = [...new Set(paths)].flatMap(listFiles);
  if (files.length === 0) {
    throw new CommandFailure(`no manifests in ${paths.join(', ')}: their names end in ${EXTENSIONS.join(', ')}`);
  }
  const sources = new Set<string>();
  const parsed = [];
  for (const { path, isListed } of files) {
    const text = await readText(path);
    const from = path === STDIN ? process.cwd() : dirname(resolve(path));
    const readSource = (kind: 'file' | 'env', ref: string): string =>
      kind === 'env' ? readVariable(ref, env) : readSourceFile(resolve(from, ref), sources);
    parsed.push({ path, isListed, ...parseManifests(text, { file: path === STDIN ? 'stdin' : path, readSource }) });
  }
  const manifests = parsed.filter(({ path, isListed }) => !isListed || !sources.has(resolve(path)));
  const { first, repeated } = findRepeated(manifests.flatMap((each) => [...each.documents, ...each.partial]));
  const isFirst = (document: ManifestDocument) => first.get(keyOf(document)) === document;
  return {
    documents: manifests.flatMap((each) => each.documents).filter(isFirst),
    partial: manifests.flatMap((each) => each.partial).filter(isFirst),
    problems: [...manifests.flatMap((each) => each.problems), ...repeated],
    placeOf: ({ kind, name, field }) => {
      const document = first.get(keyOf({ kind, name }));
      return document && { file: document.file, ...document.positionOf(field) };
    },
  };
}

/** As {@link loadManifests}, where nothing may be wrong. @throws CommandFailure with every problem */
export async function loadValidManifests(paths: readonly string[], env: NodeJS.ProcessEnv): Promise<LoadedManifests> {
  const loaded = await loadManifests(paths, env);
  if (loaded.problems.length > 0) {
    throw new CommandFailure(loaded.problems.map((problem) => formatProblem(problem, problem)).join('\n'));
  }
  return loaded;
}

/** `{file: PATH}`, from beside the manifest. Throws an Error that the parser turns into a problem with its place. */
function readSourceFile(path: string, sources: Set<string>): string {
  sources.add(path);
  return decodeText(readFileSync(path));
}

/** `{env: NAME}` */
function readVariable(name: string, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value === undefined) throw new Error(`the environment variable ${name} is not set`);
  return value;
}

/** The same resource in two files: only one of them can be meant. */
function findRepeated(all: readonly ManifestDocument[]): {
  first: ReadonlyMap<string, ManifestDocument>;
  repeated: ManifestProblem[];
} {
  const first = new Map<string, ManifestDocument>();
  const repeated: ManifestProblem[] = [];
  for (const document of all) {
    const { kind, name, file, positionOf } = document;
    const earlier = first.get(keyOf(document));
    if (earlier === undefined) {
      first.set(keyOf(document), document);
      continue;
    }
    const message = `${kind} "${name}" is in ${earlier.file} on line ${earlier.lineOf('')} already`;
    const at = positionOf('') ?? { line: 1, column: 1 };
    repeated.push({ severity: 'error', kind, name, field: '', message, remedy: 'keep one of them', file, ...at });
  }
  return { first, repeated };
}

function keyOf({ kind, name }: { readonly kind: string; readonly name: string }): string {
  return `${kind}/${name}`;
}
