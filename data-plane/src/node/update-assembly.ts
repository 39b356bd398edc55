import { type Item, type ItemKey, Track, type Update } from '@sluice/proto';
import { API_KEY_KIND, type KeyStaging, KeysFull } from '../shared/index.ts';
import { Garbage } from './garbage.ts';
import { itemsOf } from './partly-decoded.ts';
import type { WholeUpdate } from './track.ts';

/** A snapshot larger than this is refused. */
const MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024;

/** Puts the parts of updates together: on each track one update is under way at a time. */
export class UpdateAssembly {
  /** Takes the API keys of a snapshot in as they come: there may be a million, and a part is not kept for them. */
  readonly #stageKeys: () => KeyStaging;
  #keys: KeyStaging | undefined;
  readonly #garbage = new Garbage();
  readonly #parts = new Map<Track, Parts>();
  #bytes = 0;

  constructor(stageKeys: () => KeyStaging) {
    this.#stageKeys = stageKeys;
  }

  /**
   * The update that this part completes; undefined where more parts follow.
   * @throws Error where one of its items does not decode
   */
  add(part: Update): WholeUpdate | 'too large' | undefined {
    const parts = this.#parts.get(part.track) ?? { upserts: [], removals: [] };
    if (!this.#takeItems(part, parts)) {
      this.drop();
      return 'too large';
    }
    for (const key of part.removals) parts.removals.push(key);
    if (part.more) {
      this.#parts.set(part.track, parts);
      return undefined;
    }
    this.#parts.delete(part.track);
    if (this.#parts.size === 0) this.#bytes = 0;
    const keys = part.track === Track.FACTS ? this.#keys : undefined;
    if (keys !== undefined) this.#keys = undefined;
    return { ...join(part, parts), keys };
  }

  /** Nothing more comes. */
  drop(): void {
    this.#parts.clear();
    this.#keys?.discard();
    this.#keys = undefined;
  }

  /** False: there are more than a node has room for. */
  #takeItems(part: Update, { upserts }: Parts): boolean {
    const takesKeys = part.track === Track.FACTS && part.snapshot;
    if (takesKeys) this.#keys ??= this.#stageKeys();
    let bytes = 0;
    try {
      for (const item of itemsOf(part)) {
        bytes += item.content.length;
        if (this.#bytes + bytes > MAX_SNAPSHOT_BYTES) return false;
        if (takesKeys && item.kind === API_KEY_KIND) this.#keys!.put(item);
        else upserts.push(item);
      }
    } catch (error) {
      if (error instanceof KeysFull) return false;
      throw error;
    }
    this.#bytes += bytes;
    this.#garbage.add(bytes);
    return true;
  }
}

/** What came of an update. */
interface Parts {
  readonly upserts: Item[];
  readonly removals: ItemKey[];
}

function join(last: Update, { upserts, removals }: Parts): WholeUpdate {
  return {
    track: last.track,
    historyId: last.historyId,
    fromRevision: Number(last.fromRevision),
    revision: Number(last.revision),
    digest: last.digest,
    upserts,
    removals,
    snapshot: last.snapshot,
    forced: last.forced,
    createdAtMs: last.createdAt === undefined ? 0 : Number(last.createdAt.seconds) * 1000 + last.createdAt.nanos / 1e6,
  };
}
