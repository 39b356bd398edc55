import { create } from '@bufbuild/protobuf';
import { decodeResource } from '@sluice/engine';
import { type ExportRequest, type ExportResponse, ExportResponseSchema } from '@sluice/proto';
import { kindsReferredFirst, rankOfKind } from '../state/config-track.ts';
import type { ControlState } from '../state/control-state.ts';
import type { ItemRef } from '../store/store.ts';
import type { ControlContext } from './context.ts';
import { toUnavailable } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';
import { pageSizeOf, readPageToken, writePageToken } from './page-token.ts';
import { resolveRevision } from './resolve-revision.ts';
import { itemsAfter } from './sorted-items.ts';

/** An item's stored bytes. */
interface Exported extends ItemRef {
  readonly content?: Uint8Array | undefined;
}

/** The whole config at one revision, what is referred to first, a page at a time. All pages are of the first one's revision. */
export async function exportResources(
  { state }: ControlContext,
  request: ExportRequest,
): Promise<Outcome<ExportResponse>> {
  const token = readPageToken(request.pageToken, [0, 0, ''] as const);
  if (!token.ok) return token;
  const [pinned, rank, name] = token.value ?? [undefined, 0, ''];
  try {
    const at = await resolveRevision(state, pinned === undefined ? request.revision : BigInt(pinned));
    if (!at.ok) return at;
    const size = pageSizeOf(request.pageSize, 500, 5000);
    const found = await readPage(state, at.value, rank, name, size + 1);
    const page = found.slice(0, size);
    const last = page.at(-1);
    const isLast = found.length <= size || last === undefined;
    return done(
      create(ExportResponseSchema, {
        resources: page.map(({ content }) => decodeResource(content ?? new Uint8Array())),
        nextPageToken: isLast ? '' : writePageToken([at.value, rankOfKind(last.kind), last.name]),
        revision: BigInt(at.value),
      }),
    );
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

async function readPage(
  state: ControlState,
  revision: number,
  rank: number,
  name: string,
  limit: number,
): Promise<Exported[]> {
  const found: Exported[] = [];
  const isCurrent = revision === state.config.revision;
  for (const [index, kind] of kindsReferredFirst.entries()) {
    if (index < rank || found.length === limit) continue;
    const afterName = index === rank ? name : '';
    const left = limit - found.length;
    found.push(
      ...(isCurrent
        ? itemsAfter(state.config, kind, afterName).slice(0, left)
        : await state.ask((store) => store.readAt('config', revision, kind, afterName, left))),
    );
  }
  return found;
}
