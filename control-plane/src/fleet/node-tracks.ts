import { type Hello, Track, type WatchResponse } from '@sluice/proto';
import type { TrackState } from '../state/track-state.ts';
import type { EncodedUpdate } from './encoded-update.ts';
import { isSameDigest, toPosition } from './position.ts';
import type { SnapshotSlots } from './snapshot-slots.ts';
import { type NextUpdate, TrackFeed } from './track-feed.ts';
import type { FollowedTrack, UpdateSource } from './update-source.ts';

export interface NodeTracksOptions {
  readonly hello: Hello;
  readonly updates: UpdateSource;
  readonly slots: SnapshotSlots;
  /** Aborted when the node is gone. */
  readonly signal: AbortSignal;
  trackOf(track: FollowedTrack): TrackState;
  /** Monotonic, in milliseconds. */
  now(): number;
  /** A part may be to send that was not there before. */
  onReady(): void;
  /** What the node has at a revision is not what was there: it is to get nothing more. */
  onDiverged(reason: string): void;
  /** An update could not be made; it is tried again. */
  onFailure(track: FollowedTrack, error: unknown): void;
}

/** Before an update that could not be made is tried again. */
const RETRY_MS = 1000;

/** The facts first: a revoked key must not wait for routes. */
const trackOrder: readonly FollowedTrack[] = [Track.FACTS, Track.CONFIG];

/** Both tracks of one node: what it has of each, and the updates on their way. */
export class NodeTracks {
  readonly #options: NodeTracksOptions;
  readonly #feeds: Readonly<Record<FollowedTrack, TrackFeed>>;
  /** Given back when a snapshot went out. */
  readonly #slots = new Map<FollowedTrack, () => void>();

  constructor(options: NodeTracksOptions) {
    const { hello, signal } = options;
    const hasNothing = hello.historyId === '';
    this.#options = options;
    this.#feeds = {
      [Track.CONFIG]: new TrackFeed(toPosition(hasNothing ? undefined : hello.config)),
      [Track.FACTS]: new TrackFeed(toPosition(hasNothing ? undefined : hello.facts)),
    };
    signal.addEventListener('abort', () => {
      for (const release of this.#slots.values()) release();
    });
  }

  feed(track: FollowedTrack): TrackFeed {
    return this.#feeds[track];
  }

  /** Some of an update is still to be sent. */
  get isSending(): boolean {
    return trackOrder.some((track) => this.#feeds[track].state.kind === 'sending');
  }

  /** It refused the last update of a track. */
  get refuses(): boolean {
    return trackOrder.some((track) => this.#feeds[track].refused !== undefined);
  }

  /** How long the oldest unanswered update is unanswered. */
  get unansweredMs(): number | undefined {
    const since = trackOrder.flatMap((track) => {
      const { state } = this.#feeds[track];
      return state.kind === 'awaiting' ? state.sinceMs : [];
    });
    return since.length === 0 ? undefined : this.#options.now() - Math.min(...since);
  }

  /** Begins both tracks again, with forced snapshots. */
  adopt(): void {
    for (const track of trackOrder) this.#feeds[track].adopt();
  }

  /**
   * The next part to send, if there is one now; what is missing begins to be made. Parts of one update follow each other without
   * a part of the other track between them.
   */
  takePart(): WatchResponse | undefined {
    const begun = trackOrder.find((track) => {
      const { state } = this.#feeds[track];
      return state.kind === 'sending' && state.nextPart > 0;
    });
    for (const track of begun === undefined ? trackOrder : [begun]) {
      const feed = this.#feeds[track];
      const next = feed.next(this.#options.trackOf(track).revision);
      if (next !== undefined) this.#prepare(track, next);
      const part = feed.takePart(this.#options.now());
      if (part === undefined) continue;
      if (feed.state.kind === 'awaiting') this.#slots.get(track)?.();
      return part;
    }
    return undefined;
  }

  #prepare(track: FollowedTrack, next: NextUpdate): void {
    const { signal, onReady, onFailure } = this.#options;
    const feed = this.#feeds[track];
    const ticket = feed.prepare();
    const finish = (update: EncodedUpdate | undefined) => {
      feed.prepared(ticket, update);
      onReady();
    };
    this.#make(track, next).then(finish, (error: unknown) => {
      if (signal.aborted) return;
      onFailure(track, error);
      setTimeout(finish, RETRY_MS, undefined).unref();
    });
  }

  async #make(track: FollowedTrack, { snapshot, forced, from }: NextUpdate): Promise<EncodedUpdate | undefined> {
    const { hello, updates, slots, signal, onDiverged } = this.#options;
    if (!snapshot) {
      const delta = await updates.delta(track, from, hello.group);
      if (delta?.fromDigest && !isSameDigest(delta.fromDigest, this.#feeds[track].active.digest)) {
        onDiverged(`its revision ${from} has another digest`);
        return undefined;
      }
      if (delta !== undefined) return delta;
    }
    this.#slots.get(track)?.();
    this.#slots.set(track, await slots.take(signal));
    return updates.snapshot(track, hello.group, forced, from);
  }
}
