import { fromBinary } from '@bufbuild/protobuf';
import { FetchedKeySetSchema } from '@sluice/proto';
import { parseKeySet } from '../jwt/key-set.ts';
import type { IssuerKeys } from '../jwt/token-issuer.ts';
import { CannotBuild } from './cannot-build.ts';

/** The kind of item that the key set of an issuer is: a node's own, made of what it fetched. Its name is the issuer's. */
export const KEY_SET_KIND = 'KeySet';

export interface BuiltKeySet {
  readonly kind: typeof KEY_SET_KIND;
  readonly name: string;
  /** Where it was fetched. */
  readonly url: string;
  readonly keys: IssuerKeys;
}

/** Keys of it that are weak or wrong are left out. */
export function buildKeySet(name: string, content: Uint8Array): BuiltKeySet {
  const { url, document } = fromBinary(FetchedKeySetSchema, content);
  const set = parseKeySet(document);
  if (typeof set === 'string') throw new CannotBuild(`its key set ${set}`);
  return { kind: KEY_SET_KIND, name, url, keys: set.keys };
}
