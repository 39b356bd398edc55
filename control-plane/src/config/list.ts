import { create } from '@bufbuild/protobuf';
import { decodeResource, isKind, KINDS } from '@sluice/engine';
import {
  type ListRequest,
  type ListResponse,
  ListResponseSchema,
  type StoredResource,
  StoredResourceSchema,
} from '@sluice/proto';
import type { ConfigTrack } from '../state/config-track.ts';
import type { CurrentItem } from '../state/track.ts';
import type { ControlContext } from './context.ts';
import { carries, type Label, parseLabel } from './label.ts';
import { done, type Outcome, refused } from './outcome.ts';
import { pageSizeOf, readPageToken, writePageToken } from './page-token.ts';
import { itemsAfter } from './sorted-items.ts';

/** Resources by kind and name, a page at a time, from memory. Each page is of the moment it is asked for. */
export async function listResources({ state }: ControlContext, request: ListRequest): Promise<Outcome<ListResponse>> {
  if (request.kind !== '' && !isKind(request.kind)) {
    return refused({ kind: 'invalid', message: `there is no kind "${request.kind}"`, problems: [] });
  }
  const label = request.label === '' ? done<Label | undefined>(undefined) : parseLabel(request.label);
  if (!label.ok) return label;
  const after = readPageToken(request.pageToken, ['', ''] as const);
  if (!after.ok) return after;
  await state.ready;
  const kinds = request.kind === '' ? KINDS.toSorted() : [request.kind];
  const size = pageSizeOf(request.pageSize, 500, 5000);
  const resources: StoredResource[] = [];
  let last: CurrentItem | undefined;
  for (const item of itemsOf(state.config, kinds, after.value ?? ['', ''])) {
    const resource = resourceOf(state.config, item);
    if (label.value !== undefined && !carries(resource, label.value)) continue;
    if (resources.length === size) {
      return done(makePage(state.config, resources, last));
    }
    resources.push(create(StoredResourceSchema, { resource, revision: BigInt(item.revision) }));
    last = item;
  }
  return done(makePage(state.config, resources, undefined));
}

function* itemsOf(
  config: ConfigTrack,
  kinds: readonly string[],
  [afterKind, afterName]: readonly [string, string],
): Iterable<CurrentItem> {
  for (const kind of kinds) {
    if (kind >= afterKind) yield* itemsAfter(config, kind, kind === afterKind ? afterName : '');
  }
}

/** As the index has it, which spares decoding. */
function resourceOf(config: ConfigTrack, { kind, name, content }: CurrentItem) {
  return (isKind(kind) ? config.index.get(`${kind}/${name}`)?.resource : undefined) ?? decodeResource(content);
}

/** `last`: the page's last item, where more follow. */
function makePage(config: ConfigTrack, resources: StoredResource[], last: CurrentItem | undefined): ListResponse {
  return create(ListResponseSchema, {
    resources,
    nextPageToken: last === undefined ? '' : writePageToken([last.kind, last.name]),
    revision: BigInt(config.revision),
  });
}
