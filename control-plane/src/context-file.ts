import { readFile } from 'node:fs/promises';
import { isMap, isSeq, parseDocument, type YAMLMap, YAMLSeq } from 'yaml';
import { writePrivateFile } from './private-file.ts';

/** A way to reach a control plane, as gatewayctl keeps it. */
export interface Context {
  readonly name: string;
  readonly server: string;
  readonly token?: string;
}

/**
 * Adds a context to a gatewayctl context file, in place of one with its name. The rest of the file stays as it is. `use` makes
 * it the current one; it becomes that anyway where there is none.
 * @throws Error where the file is no context file: it is left alone
 */
export async function writeContext(path: string, context: Context, use: boolean): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const document = parseDocument(text.trim() === '' ? '{}' : text);
  if (document.errors.length > 0 || !isMap(document.contents)) throw new Error(`${path} is not a context file`);
  document.contents.flow = false;
  const contexts = document.get('contexts') ?? new YAMLSeq();
  if (!isSeq<YAMLMap>(contexts)) throw new Error(`${path} is not a context file`);
  const entry = document.createNode(context);
  const index = contexts.items.findIndex((item) => isMap(item) && item.get('name') === context.name);
  if (index === -1) contexts.add(entry);
  else contexts.set(index, entry);
  if (use || !document.get('currentContext')) document.set('currentContext', context.name);
  document.set('contexts', contexts);
  const next = document.toString();
  if (next !== text) await writePrivateFile(path, next);
}
