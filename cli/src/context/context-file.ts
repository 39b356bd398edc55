import { mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Document, isMap, parseDocument } from 'yaml';
import { CommandFailure } from '../exit.ts';

/** A control plane and how to get in. */
export interface Context {
  readonly name: string;
  readonly server: string;
  /** Unset: none is shown. */
  readonly token?: string;
}

/** The contexts that a person works with, and which of them counts. */
export interface ContextFile {
  readonly currentContext?: string;
  readonly contexts: readonly Context[];
}

/** SLUICE_CONTEXT_FILE, or contexts.yaml in the user's configuration. */
export function contextFilePath(env: NodeJS.ProcessEnv): string {
  return env.SLUICE_CONTEXT_FILE || join(homedir(), '.config', 'sluice', 'contexts.yaml');
}

/** No contexts where there is no file. @throws CommandFailure where it is not what it should be */
export function readContextFile(path: string): ContextFile {
  return contentOf(readDocument(path), path);
}

/** Adds a context, or replaces the one of its name; the first one becomes the current one. */
export function putContext(path: string, context: Context): void {
  editContextFile(path, (document, { contexts, currentContext }) => {
    const index = contexts.findIndex(({ name }) => name === context.name);
    document.setIn(['contexts', index === -1 ? contexts.length : index], document.createNode(context));
    if (currentContext === undefined) document.set('currentContext', context.name);
  });
}

/** Makes a context the current one. @throws CommandFailure where there is none of this name */
export function useContext(path: string, name: string): void {
  editContextFile(path, (document, file) => {
    indexOf(file, name, path);
    document.set('currentContext', name);
  });
}

/** Forgets a context. @throws CommandFailure where there is none of this name */
export function deleteContext(path: string, name: string): void {
  editContextFile(path, (document, file) => {
    document.deleteIn(['contexts', indexOf(file, name, path)]);
    if (file.currentContext === name) document.delete('currentContext');
  });
}

function indexOf({ contexts }: ContextFile, wanted: string, path: string): number {
  const index = contexts.findIndex(({ name }) => name === wanted);
  if (index === -1) throw new CommandFailure(`there is no context ${wanted} in ${path}`);
  return index;
}

/** Replaces the file, readable by nobody else. What is not changed in it, comments too, stays. */
function editContextFile(path: string, edit: (document: Document, file: ContextFile) => void): void {
  const document = readDocument(path);
  const file = contentOf(document, path);
  if (!isMap(document.contents)) document.contents = document.createNode({});
  if (!document.has('contexts') || document.get('contexts') === null) document.set('contexts', document.createNode([]));
  edit(document, file);
  writePrivately(path, document.toString());
}

function writePrivately(path: string, text: string): void {
  let temporary: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const target = followLinks(path);
    temporary = `${target}.${process.pid}`;
    rmSync(temporary, { force: true });
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    renameSync(temporary, target);
  } catch (error) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw new CommandFailure(`cannot write the context file ${path}: ${(error as Error).message}`);
  }
}

function followLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function readDocument(path: string): Document {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CommandFailure(`cannot read the context file ${path}: ${(error as Error).message}`);
  }
  const document = parseDocument(text, { prettyErrors: false });
  const [fault] = document.errors;
  if (fault !== undefined) {
    const line = text.slice(0, fault.pos[0]).split('\n').length;
    throw new CommandFailure(`the context file ${path} is no YAML: line ${line}: ${fault.message}`);
  }
  return document;
}

function contentOf(document: Document, path: string): ContextFile {
  const wrong = (what: string) => new CommandFailure(`${path} is no context file: ${what}`);
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('it is no map with contexts');
  const { contexts, currentContext } = value as Partial<Record<keyof ContextFile, unknown>>;
  const list = contexts ?? [];
  if (!Array.isArray(list) || !list.every(isContext)) throw wrong('each of its contexts needs a name and a server');
  if (currentContext !== undefined && currentContext !== null && typeof currentContext !== 'string')
    throw wrong('its currentContext is no name');
  return { contexts: list, ...(currentContext ? { currentContext } : {}) };
}

function isContext(value: unknown): value is Context {
  if (typeof value !== 'object' || value === null) return false;
  const { name, server, token } = value as Partial<Record<keyof Context, unknown>>;
  return typeof name === 'string' && typeof server === 'string' && (token === undefined || typeof token === 'string');
}
