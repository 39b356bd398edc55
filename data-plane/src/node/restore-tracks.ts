import { ActiveSet, type BuildContext } from '@sluice/engine';
import { Track as WireTrack } from '@sluice/proto';
import type { KeyStore } from '../shared/index.ts';
import type { CachedState } from './cache/cached-state.ts';
import { NodeTrack } from './track.ts';

/** Both tracks as they were cached; empty where nothing was. `keys`: with what was cached of them. */
export function restoreTracks(
  context: BuildContext,
  cached: CachedState | undefined,
  keys: KeyStore,
): { config: NodeTrack; facts: NodeTrack } {
  if (cached === undefined) {
    const config = new NodeTrack(WireTrack.CONFIG, new ActiveSet(context));
    return { config, facts: new NodeTrack(WireTrack.FACTS, new ActiveSet(context), keys) };
  }
  return {
    config: NodeTrack.restore(WireTrack.CONFIG, context, cached.config),
    facts: NodeTrack.restore(WireTrack.FACTS, context, cached.facts, keys),
  };
}
