import { isScalar, type Node } from 'yaml';
import type { Reader } from './reader.ts';

/** What a text can be read from, beside being written inline. */
export type SourceKind = 'file' | 'env';

export const SOURCE_KINDS: readonly SourceKind[] = ['file', 'env'];

export function sourceKind(name: string): SourceKind | undefined {
  return SOURCE_KINDS.find((kind) => kind === name);
}

/** Reads the text of `{file: PATH}` or `{env: NAME}`. Undefined, and reported, where it cannot be read. */
export function readSourceText(reader: Reader, kind: SourceKind, written: Node, field: string): string | undefined {
  const node = reader.follow(written, field);
  if (node === undefined) return undefined;
  const reference = isScalar(node) ? node.value : undefined;
  if (typeof reference !== 'string' || reference === '') {
    reader.report(node, field, kind === 'file' ? 'must be the path of a file' : 'must be the name of a variable');
    return undefined;
  }
  if (reader.readSource === undefined) {
    reader.report(node, field, `no ${kind === 'file' ? 'file' : 'variable'} can be read here`, 'write the text inline');
    return undefined;
  }
  try {
    return reader.readSource(kind, reference);
  } catch (error) {
    reader.report(node, field, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
