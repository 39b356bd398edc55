import { create } from '@bufbuild/protobuf';
import { decodeResource } from '@sluice/engine';
import {
  type GetRevisionRequest,
  type GetRevisionResponse,
  GetRevisionResponseSchema,
  type HistoryRequest,
  type HistoryResponse,
  HistoryResponseSchema,
  type Resource,
} from '@sluice/proto';
import type { VersionRecord } from '../store/store.ts';
import type { ControlContext } from './context.ts';
import { describeChange, describeRevision } from './describe-change.ts';
import { toUnavailable } from './make-change.ts';
import { done, type Outcome, refused } from './outcome.ts';
import { pageSizeOf, readPageToken, writePageToken } from './page-token.ts';
import { resolveRevision } from './resolve-revision.ts';

/** Revisions, the newest first, a page at a time. Needs the database. */
export async function listHistory(
  { state }: ControlContext,
  request: HistoryRequest,
): Promise<Outcome<HistoryResponse>> {
  const before = readPageToken(request.pageToken, [0] as const);
  if (!before.ok) return before;
  const size = pageSizeOf(request.pageSize, 50, 1000);
  try {
    const found = await state.ask((store) => store.listRevisions('config', before.value?.[0], size + 1));
    const page = found.slice(0, size);
    const last = page.at(-1);
    return done(
      create(HistoryResponseSchema, {
        revisions: page.map(describeRevision),
        nextPageToken: found.length <= size || last === undefined ? '' : writePageToken([last.revision]),
        historyId: state.historyId,
      }),
    );
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

/** One revision and what it changed. Needs the database. */
export async function getRevision(
  { state }: ControlContext,
  request: GetRevisionRequest,
): Promise<Outcome<GetRevisionResponse>> {
  try {
    const at = await resolveRevision(state, request.revision);
    if (!at.ok) return at;
    const revision = at.value;
    const [record, changes] = await Promise.all([
      state.ask((store) => store.getRevision('config', revision)),
      state.ask((store) => store.readChanges('config', revision - 1, revision, Number.MAX_SAFE_INTEGER)),
    ]);
    if (record === undefined) return refused({ kind: 'notFound', message: `there is no revision ${request.revision}` });
    return done(
      create(GetRevisionResponseSchema, {
        revision: describeRevision(record),
        changes: (changes ?? []).map(({ kind, name, before, after }) =>
          describeChange(kind, name, decodeVersion(before), decodeVersion(after)),
        ),
      }),
    );
  } catch (error) {
    return refused(toUnavailable(error));
  }
}

function decodeVersion(version: VersionRecord | undefined): Resource | undefined {
  return version?.content === undefined ? undefined : decodeResource(version.content);
}
