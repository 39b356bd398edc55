import { create, fromBinary } from '@bufbuild/protobuf';
import {
  type ApiKey,
  ApiKeySchema,
  type ListKeysRequest,
  type ListKeysResponse,
  ListKeysResponseSchema,
} from '@sluice/proto';
import type { ControlContext } from '../config/context.ts';
import { done, type Outcome } from '../config/outcome.ts';
import { pageSizeOf, readPageToken, writePageToken } from '../config/page-token.ts';
import { itemsAfter } from '../config/sorted-items.ts';
import { apiKeyKind } from '../state/fact-track.ts';
import { withoutHashes } from './change-key.ts';

/** Keys by name, a page at a time, from memory. */
export async function listKeys(
  { state }: ControlContext,
  request: ListKeysRequest,
): Promise<Outcome<ListKeysResponse>> {
  const after = readPageToken(request.pageToken, [''] as const);
  if (!after.ok) return after;
  await state.ready;
  const size = pageSizeOf(request.pageSize, 500, 5000);
  const wanted = request.consumer === '' ? undefined : state.facts.keysOf(request.consumer);
  const keys: ApiKey[] = [];
  for (const { name, content } of itemsAfter(state.facts, apiKeyKind, after.value?.[0] ?? '')) {
    if (wanted !== undefined && !wanted.has(name)) continue;
    if (keys.length === size) {
      return done(create(ListKeysResponseSchema, { keys, nextPageToken: writePageToken([keys.at(-1)?.name ?? '']) }));
    }
    keys.push(withoutHashes(fromBinary(ApiKeySchema, content)));
  }
  return done(create(ListKeysResponseSchema, { keys }));
}
