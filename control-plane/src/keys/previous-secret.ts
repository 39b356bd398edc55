import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { ApiKey } from '@sluice/proto';
import type { EndedSecret } from '../tokens/index.ts';

/** The secret of before the last rotation, where it is still accepted. It ends at once. */
export function previousSecret({ previousHash, previousExpiresAt }: ApiKey, nowMs: number): EndedSecret[] {
  if (previousHash.length === 0) return [];
  const isOver = previousExpiresAt !== undefined && timestampDate(previousExpiresAt).getTime() <= nowMs;
  return isOver ? [] : [{ hash: previousHash }];
}
