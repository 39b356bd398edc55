import { hashItem } from '@sluice/engine';
import { Track } from '../../state/track.ts';
import type { TrackName } from '../../store/store.ts';

/** A change of a track: contents by `Kind/name`; undefined removes. */
export type ItemChanges = Readonly<Record<string, string | undefined>>;

/** A track in memory alone, and how to make its next revision. */
export function serveTrack(name: TrackName) {
  const track = new Track({ name, store: { readChanges: () => Promise.resolve(undefined) }, now: new Date() });
  return {
    track,
    change(changes: ItemChanges, nodeGroups: readonly string[] = []) {
      changeTrack(track, changes, nodeGroups);
    },
  };
}

/** Makes the next revision of a track and tells those who follow it. */
export function changeTrack(track: Track, changes: ItemChanges, nodeGroups: readonly string[] = []): void {
  const revision = track.revision + 1;
  const versions = Object.entries(changes).map(([key, text]) => {
    const [kind = '', name = ''] = key.split('/');
    const content = text === undefined ? undefined : new TextEncoder().encode(text);
    const hash = content && hashItem(kind, name, content);
    return { kind, name, revision, content, hash, nodeGroups };
  });
  track.append(revision, new Date(), track.changesOf(versions));
  track.tell();
}
