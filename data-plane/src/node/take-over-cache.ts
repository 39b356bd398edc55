import { create } from '@bufbuild/protobuf';
import { ItemSchema, Track as WireTrack } from '@sluice/proto';
import type { Activation } from './activation.ts';
import type { CachedTrack } from './cache/cached-state.ts';
import type { NodeCache } from './cache/node-cache.ts';
import type { Persistence } from './persistence.ts';
import type { WholeUpdate } from './track.ts';

/**
 * The process that had the cache directory is gone: what it wrote after this one had read it is made active where nobody sent this
 * one something newer, and from then on this one writes.
 */
export async function takeOverCache(cache: NodeCache, activation: Activation, persistence: Persistence): Promise<void> {
  const left = await cache.open();
  if (left !== undefined && (!activation.active || left.historyId === activation.historyId)) {
    const newer = [
      updateTo(WireTrack.CONFIG, left.config, left.historyId),
      updateTo(WireTrack.FACTS, left.facts, left.historyId),
    ].filter(
      ({ track, revision }) =>
        !activation.active || revision > (track === WireTrack.CONFIG ? activation.config : activation.facts).revision,
    );
    await Promise.all(newer.map((update) => activation.apply(update)));
  }
  if (activation.active) cache.rewrite(() => persistence.restored(activation.config.revision));
}

function updateTo(track: WireTrack, cached: CachedTrack, historyId: string): WholeUpdate {
  return {
    track,
    historyId,
    fromRevision: 0,
    revision: cached.revision,
    digest: cached.digest,
    upserts: cached.latest.map(({ kind, name, content }) => create(ItemSchema, { kind, name, content })),
    removals: [],
    snapshot: true,
    forced: true,
    createdAtMs: cached.createdAtMs,
  };
}
