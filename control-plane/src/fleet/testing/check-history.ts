import { Track } from '@sluice/proto';
import type { TrackState } from '../../state/track-state.ts';
import type { TestNode } from './test-node.ts';

/**
 * What is wrong with what nodes activated: on each track and in one history, revisions go forward only, and one revision has
 * one digest everywhere. A node that has the last revision has its digest.
 */
export function checkHistory(
  nodes: readonly TestNode[],
  served: Readonly<Record<'config' | 'facts', Pick<TrackState, 'position'>>>,
): string[] {
  const wrong: string[] = [];
  const digests = new Map<string, string>();
  for (const track of [served.config, served.facts]) {
    const wire = track === served.config ? Track.CONFIG : Track.FACTS;
    const { revision, digest } = track.position('default');
    digests.set(`${wire} ${revision}`, Buffer.from(digest).toString('hex'));
  }
  for (const node of nodes) {
    const last = new Map<string, number>();
    for (const { track, historyId, revision, digest, forced } of node.activations) {
      const line = `${track} ${historyId}`;
      const before = last.get(line) ?? -1;
      if (revision <= before && !forced) wrong.push(`${node.id}: ${line} went from ${before} to ${revision}`);
      last.set(line, revision);
      const known = digests.get(`${track} ${revision}`);
      if (known === undefined) digests.set(`${track} ${revision}`, digest);
      else if (known !== digest) wrong.push(`${node.id}: revision ${revision} of track ${track} has two digests`);
    }
  }
  return wrong;
}
