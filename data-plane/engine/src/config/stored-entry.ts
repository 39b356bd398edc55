import type { Resource } from '@sluice/proto';
import { hashItem } from './digest.ts';
import { encodeResource } from './encode.ts';
import { type Kind, kindOf, type ResourceKey } from './kind.ts';

/** A resource with what it is stored and shipped as. */
export interface StoredEntry {
  readonly key: ResourceKey;
  readonly kind: Kind;
  readonly name: string;
  readonly resource: Resource;
  /** The stored bytes. */
  readonly content: Uint8Array;
  /** What it adds to the digest of a set. */
  readonly hash: Uint8Array;
  /** The groups it goes to. Empty: everywhere. */
  readonly nodeGroups: readonly string[];
}

export function makeEntry(resource: Resource): StoredEntry {
  const kind = kindOf(resource);
  const { name, nodeGroups } = resource;
  const content = encodeResource(resource);
  return { key: `${kind}/${name}`, kind, name, resource, content, hash: hashItem(kind, name, content), nodeGroups };
}

/** Whether what goes to `narrow` goes wherever `wide` goes too. Empty is everywhere. */
export function goesWherever(narrow: readonly string[], wide: readonly string[]): boolean {
  if (wide.length === 0) return true;
  return narrow.length > 0 && narrow.every((group) => wide.includes(group));
}

/** Whether some node gets both. Empty is everywhere. */
export function meetSomewhere(a: readonly string[], b: readonly string[]): boolean {
  return a.length === 0 || b.length === 0 || a.some((group) => b.includes(group));
}
