import { create } from '@bufbuild/protobuf';
import { ItemSchema, Track as WireTrack } from '@sluice/proto';
import { createKeyMemory, KeyRestore, KeyStaging, type KeyStore, Slices } from '../shared/index.ts';
import type { Activation } from './activation.ts';
import type { CachedTrack } from './cache/cached-state.ts';
import type { NodeCache } from './cache/node-cache.ts';
import type { Persistence } from './persistence.ts';
import type { WholeUpdate } from './track.ts';

/**
 * The process that had the cache directory is gone: what it wrote after this one had read it is made active where nobody sent this
 * one something newer, and from then on this one writes.
 */
export async function takeOverCache(
  cache: NodeCache,
  activation: Activation,
  persistence: Persistence,
  keysOf: (memory: SharedArrayBuffer) => KeyStore,
): Promise<void> {
  const leftKeys = keysOf(createKeyMemory());
  const left = await cache.open(new KeyRestore(leftKeys));
  if (left !== undefined && (!activation.active || left.historyId === activation.historyId)) {
    const newer = [
      updateTo(WireTrack.CONFIG, left.config, left.historyId),
      updateTo(WireTrack.FACTS, left.facts, left.historyId),
    ].filter(
      ({ track, revision }) =>
        !activation.active || revision > (track === WireTrack.CONFIG ? activation.config : activation.facts).revision,
    );
    await Promise.all(
      newer.map(async (update) => {
        const isFacts = update.track === WireTrack.FACTS;
        await activation.apply(isFacts ? { ...update, keys: await stageAll(leftKeys, activation) } : update);
      }),
    );
  }
  if (activation.active) cache.rewrite(() => persistence.restored(activation.config.revision));
}

async function stageAll(left: KeyStore, { facts }: Activation): Promise<KeyStaging | undefined> {
  if (facts.keys === undefined) return undefined;
  const staging = new KeyStaging(facts.keys, true);
  const slices = new Slices();
  for (const item of left.pin().latest()) {
    staging.put(item);
    if (slices.isOver()) await slices.pause();
  }
  return staging;
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
