import { type Item, type ItemKey, Track, type Update } from '@sluice/proto';
import { API_KEY_KIND, type KeyStaging, KeysFull } from '../shared/index.ts';
import { Garbage } from './garbage.ts';
import { itemsOf } from './partly-decoded.ts';
import type { WholeUpdate } from './track.ts';

/** A snapshot larger than this is refused. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024;

/** Puts the parts of updates together: on each track one update is under way at a time. */
export class UpdateAssembly {
  /** Takes API keys in as they come: there may be a million, and a part is not kept for them. */
  readonly #stageKeys: StageKeys;
  #keys: KeyStaging | undefined;
  readonly #garbage = new Garbage();
  readonly #parts = new Map<Track, Parts>();
  #bytes = 0;

  constructor(stageKeys: StageKeys) {
    this.#stageKeys = stageKeys;
  }

  /**
   * The update that this part completes; undefined where more parts follow.
   * @throws Error where one of its items does not decode, or it is no part of the update before it
   */
  add(part: Update): WholeUpdate | 'too large' | undefined {
    const { track, snapshot, revision, more } = part;
    const parts = this.#parts.get(track) ?? { snapshot, revision, upserts: [], removals: [], problem: undefined };
    if (snapshot !== parts.snapshot || revision !== parts.revision) {
      throw new Error(`a part of revision ${revision} amid those of ${parts.revision}`);
    }
    if (track === Track.FACTS) this.#keys ??= this.#stageKeys(snapshot);
    const keys = track === Track.FACTS ? this.#keys : undefined;
    if (!this.#takeItems(part, parts, keys)) {
      this.drop();
      return 'too large';
    }
    if (more) {
      this.#parts.set(track, parts);
      return undefined;
    }
    this.#parts.delete(track);
    if (this.#parts.size === 0) this.#bytes = 0;
    if (keys !== undefined) this.#keys = undefined;
    return { ...join(part, parts), keys };
  }

  /** Nothing more comes. */
  drop(): void {
    this.#parts.clear();
    this.#keys?.discard();
    this.#keys = undefined;
  }

  /** False: they are more than a node has room for. */
  #takeItems(part: Update, parts: Parts, keys: KeyStaging | undefined): boolean {
    for (const key of part.removals) {
      if (keys !== undefined && key.kind === API_KEY_KIND) keys.remove(key.name);
      else parts.removals.push(key);
    }
    let bytes = 0;
    for (const item of itemsOf(part)) {
      bytes += item.content.length;
      if (this.#bytes + bytes > MAX_SNAPSHOT_BYTES) return false;
      if (keys === undefined || item.kind !== API_KEY_KIND) parts.upserts.push(item);
      else parts.problem ??= putKey(keys, item);
    }
    this.#bytes += bytes;
    this.#garbage.add(bytes);
    return true;
  }
}

/** Begins to take in the API keys of a snapshot, or of a delta. */
export type StageKeys = (isSnapshot: boolean) => KeyStaging;

/** What came of an update. */
interface Parts extends Pick<Update, 'snapshot' | 'revision'> {
  readonly upserts: Item[];
  readonly removals: ItemKey[];
  problem: string | undefined;
}

/** Why there is no room for it. */
function putKey(keys: KeyStaging, item: Item): string | undefined {
  try {
    keys.put(item);
    return undefined;
  } catch (error) {
    if (error instanceof KeysFull) return error.message;
    throw error;
  }
}

function join(last: Update, { upserts, removals, problem }: Parts): WholeUpdate {
  return {
    track: last.track,
    historyId: last.historyId,
    fromRevision: Number(last.fromRevision),
    revision: Number(last.revision),
    digest: last.digest,
    upserts,
    removals,
    problem,
    snapshot: last.snapshot,
    forced: last.forced,
    createdAtMs: last.createdAt === undefined ? 0 : Number(last.createdAt.seconds) * 1000 + last.createdAt.nanos / 1e6,
  };
}
