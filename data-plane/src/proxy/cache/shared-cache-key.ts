import { createHash } from 'node:crypto';
import { sharedCacheCell } from '../../shared/index.ts';
import type { CacheState } from './cache-state.ts';
import type { CacheUse } from './cache-use.ts';

/** All that an answer may be forgotten by. */
export function cellsOf({ sharedCells }: CacheState, { address }: CacheUse): readonly number[] {
  return [...sharedCells, sharedCacheCell('address', address)];
}

/** The key of a record as the store has it: of one length, and saying nothing about who asked for what. */
export function storeKey(key: string): string {
  return createHash('sha256').update(key, 'latin1').digest('base64url');
}
