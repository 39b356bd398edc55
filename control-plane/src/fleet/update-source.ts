import type { Track } from '@sluice/proto';
import type { TrackState } from '../state/track-state.ts';
import { type EncodedUpdate, encodeDelta, encodeSnapshot, type OpenSecrets } from './encoded-update.ts';

/** The tracks that nodes follow. */
export type FollowedTrack = typeof Track.CONFIG | typeof Track.FACTS;

/** What updates are made from. */
export interface UpdateOrigins {
  readonly historyId: string;
  trackOf(track: FollowedTrack): TrackState;
  readonly openSecrets: OpenSecrets;
}

/** Encoded updates kept for other nodes: this many bytes and this many updates. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;
const MAX_KEPT_UPDATES = 4096;

/** A snapshot made this long ago is given to other nodes too: the delta from it is small. */
const SNAPSHOT_FRESH_MS = 1000;

/** A larger delta is sent as a snapshot, which goes in parts. */
const MAX_DELTA_BYTES = 16 * 1024 * 1024;

interface KeptUpdate {
  readonly update: Promise<EncodedUpdate | undefined>;
  readonly revision: number;
  readonly madeAtMs: number;
  sizeBytes: number;
}

/** Makes the updates that nodes need; nodes that need the same get the same. */
export class UpdateSource {
  readonly #origins: UpdateOrigins;
  readonly #now: () => number;
  /** The least recently used first. */
  readonly #kept = new Map<string, KeptUpdate>();
  #keptBytes = 0;

  constructor(origins: UpdateOrigins, now: () => number = () => performance.now()) {
    this.#origins = origins;
    this.#now = now;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** All that changed for `group` since `from`; `undefined`: too long ago or too much, a snapshot is needed. */
  delta(track: FollowedTrack, from: number, group: string): Promise<EncodedUpdate | undefined> {
    const state = this.#origins.trackOf(track);
    const { historyId, openSecrets } = this.#origins;
    const key = `delta ${historyId} ${track} ${from} ${state.revision} ${group}`;
    const kept = this.#use(key);
    if (kept !== undefined) return kept.update;
    const make = async () => {
      const delta = await state.deltaSince(from, group);
      const update = delta && (await encodeDelta({ track, historyId }, delta, openSecrets));
      return update === undefined || update.sizeBytes > MAX_DELTA_BYTES ? undefined : update;
    };
    return this.#keep(key, state.revision, make());
  }

  /** All of it for `group`, as of now or a moment ago; later than `from` where there is something later. */
  async snapshot(track: FollowedTrack, group: string, forced: boolean, from: number): Promise<EncodedUpdate> {
    const state = this.#origins.trackOf(track);
    const atLeast = Math.min(from + 1, state.revision);
    const { historyId, openSecrets } = this.#origins;
    const key = `snapshot ${historyId} ${track} ${forced} ${group}`;
    const kept = this.#use(key);
    if (kept !== undefined && kept.revision >= atLeast) {
      const fresh = kept.revision === state.revision || this.#now() - kept.madeAtMs < SNAPSHOT_FRESH_MS;
      const update = fresh ? await kept.update : undefined;
      if (update !== undefined) return update;
    }
    const whole = state.snapshot(group);
    const update = encodeSnapshot({ track, historyId }, whole, forced, openSecrets);
    void this.#keep(key, whole.revision, update);
    return update;
  }

  #use(key: string): KeptUpdate | undefined {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
    }
    return kept;
  }

  /** Keeps what is being made at once, so that a thousand nodes that ask in the meantime wait for the one. */
  #keep(key: string, revision: number, update: Promise<EncodedUpdate | undefined>): Promise<EncodedUpdate | undefined> {
    this.#forget(key);
    const kept: KeptUpdate = { update, revision, madeAtMs: this.#now(), sizeBytes: 0 };
    this.#kept.set(key, kept);
    const settle = (made: EncodedUpdate | undefined) => {
      if (this.#kept.get(key) !== kept) return;
      if (made === undefined) {
        this.#forget(key);
        return;
      }
      kept.sizeBytes = made.sizeBytes;
      this.#keptBytes += made.sizeBytes;
      for (const oldest of this.#kept.keys()) {
        if (this.#keptBytes <= MAX_KEPT_BYTES && this.#kept.size <= MAX_KEPT_UPDATES) break;
        this.#forget(oldest);
      }
    };
    update.then(settle, () => settle(undefined));
    return update;
  }

  #forget(key: string): void {
    this.#keptBytes -= this.#kept.get(key)?.sizeBytes ?? 0;
    this.#kept.delete(key);
  }
}
