import type { Resource } from '@sluice/proto';
import { Document, type Node } from 'yaml';
import type { Problem } from '../config/problem.ts';
import { readManifest } from './read-manifest.ts';
import { makeReader } from './reader.ts';

/** Reads a resource from a value as {@link toManifestValue} makes it, such as parsed JSON; or says all that is wrong with it. */
export function fromManifestValue(
  value: unknown,
): { readonly resource: Resource; readonly problems?: never } | { readonly problems: readonly Problem[] } {
  const document = new Document(value, { schema: 'core', aliasDuplicateObjects: false });
  const found: Omit<Problem, 'kind' | 'name'>[] = [];
  const reader = makeReader(
    document,
    (_, field, message, remedy) => {
      found.push({ severity: 'error', field, message, ...(remedy === undefined ? {} : { remedy }) });
    },
    undefined,
  );
  const { kind, name, resource } = readManifest(reader, document.contents as Node);
  if (resource !== undefined && found.length === 0) return { resource };
  return { problems: found.map((problem) => ({ ...problem, kind, name })) };
}
