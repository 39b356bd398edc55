import { type FetchedKeySet, type FoundEndpoints, Track as WireTrack } from '@sluice/proto';
import type { Activation } from './activation.ts';
import type { NodeCache } from './cache/node-cache.ts';
import type { RecordInit } from './cache/record-frame.ts';
import { lastGoodRecord, trackRecords, updateRecords } from './cache/state-records.ts';
import type { NodeTrack, WholeUpdate } from './track.ts';

/** A change of fewer is always appended. */
const LARGE_CHANGE = 4096;
/** A change of at least one in so many is written as a new base. */
const LARGE_SHARE = 20;

/** Writes what became active to the cache, and knows how far that is. */
export class Persistence {
  readonly #cache: NodeCache;
  readonly #activation: Activation;
  #revision = 0;

  constructor(cache: NodeCache, activation: Activation) {
    this.#cache = cache;
    this.#activation = activation;
  }

  /** The config revision that is safely on disk. */
  get revision(): number {
    return this.#revision;
  }

  /** What was just read from disk, or 0. */
  restored(revision: number): void {
    this.#revision = revision;
  }

  /** An update is active. */
  save(update: WholeUpdate): void {
    if (!this.#activation.active) return;
    const { revision } = this.#activation.config;
    const persisted = (): void => {
      this.#revision = Math.max(this.#revision, revision);
    };
    if (update.snapshot) {
      this.#revision = 0;
      this.#cache.rewrite(persisted);
      return;
    }
    const track = update.track === WireTrack.FACTS ? this.#activation.facts : this.#activation.config;
    if (isLarge(update, track)) {
      this.#cache.rewrite(persisted);
      return;
    }
    const keys = update.keys?.pin();
    // Its keys have changed again meanwhile: only all of them together are what they are at some revision.
    if (update.keys !== undefined && keys === undefined) {
      this.#cache.rewrite(persisted);
      return;
    }
    // Before the update that makes them needed, so that a crash never leaves an item without its last good version.
    const lastGood = track.held().length > 0 ? [lastGoodRecord(track, track.lastGoodItems())] : [];
    const { parts, last } = updateRecords(update, keys);
    this.#cache.append([...lastGood, last], persisted, { parts, release: () => keys?.release() });
  }

  /** The keys of an issuer are active. */
  saveKeySet(set: FetchedKeySet): void {
    if (this.#activation.active) this.#cache.append([{ case: 'keySet', value: set }], () => undefined);
  }

  /** What was found for a service is active. */
  saveFound(found: FoundEndpoints): void {
    if (this.#activation.active) this.#cache.append([{ case: 'foundEndpoints', value: found }], () => undefined);
  }

  /** The state as records for a base file. */
  snapshot(): { historyId: string; records: Iterable<RecordInit>; release: () => void } {
    const { historyId, config, facts } = this.#activation;
    const keySets = this.#activation.keySets().map((value): RecordInit => ({ case: 'keySet', value }));
    const found = this.#activation.services.found().map((value): RecordInit => ({ case: 'foundEndpoints', value }));
    const keys = facts.keys?.pin();
    const tracks = [trackRecords(config, historyId), trackRecords(facts, historyId, keys)];
    return { historyId, records: chain(...tracks, keySets, found), release: () => keys?.release() };
  }
}

function isLarge({ upserts, removals, keys }: WholeUpdate, track: NodeTrack): boolean {
  const changed = upserts.length + removals.length + (keys?.size ?? 0);
  return changed > LARGE_CHANGE && changed * LARGE_SHARE >= track.set.latestSize() + (track.keys?.size ?? 0);
}

function* chain<T>(...parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part;
}
