import { hashItem, type ItemKey, itemKey, SetDigest, type TrackItem } from '@sluice/engine';
import { type CacheRecord, type FetchedKeySet, type FoundEndpoints, Track, type Update } from '@sluice/proto';

/** One track as it is kept on disk. */
export interface CachedTrack {
  readonly revision: number;
  readonly digest: Uint8Array;
  readonly createdAtMs: number;
  readonly latest: readonly TrackItem[];
  /** Of the latest items, as they were verified. */
  readonly hashes: ReadonlyMap<ItemKey, Uint8Array>;
  readonly lastGood: readonly TrackItem[];
}

export interface CachedState {
  readonly historyId: string;
  readonly config: CachedTrack;
  readonly facts: CachedTrack;
  readonly keySets: readonly FetchedKeySet[];
  readonly found: readonly FoundEndpoints[];
}

/** Replays a base file's and its log's records. Returns a reason where they do not lead to what they say they lead to. */
export function replayRecords(records: readonly CacheRecord[], historyId: string): CachedState | string {
  const config = new TrackReplay();
  const facts = new TrackReplay();
  const keySets = new Map<string, FetchedKeySet>();
  const found = new Map<string, FoundEndpoints>();
  for (const { record } of records) {
    if (record.case === 'update') (record.value.track === Track.FACTS ? facts : config).update(record.value);
    else if (record.case === 'lastGood')
      (record.value.track === Track.FACTS ? facts : config).lastGood = record.value.items;
    else if (record.case === 'keySet') keySets.set(record.value.issuer, record.value);
    else if (record.case === 'foundEndpoints') found.set(record.value.service, record.value);
  }
  const problem = config.verify() ?? facts.verify();
  return (
    problem ?? {
      ...{ historyId, config: config.track(), facts: facts.track() },
      ...{ keySets: [...keySets.values()], found: [...found.values()] },
    }
  );
}

class TrackReplay {
  readonly #items = new Map<ItemKey, TrackItem>();
  readonly #hashes = new Map<ItemKey, Uint8Array>();
  lastGood: readonly TrackItem[] = [];
  #position: Update | undefined;

  update(update: Update): void {
    this.#position = update;
    for (const removal of update.removals) this.#items.delete(itemKey(removal));
    for (const item of update.upserts) this.#items.set(itemKey(item), item);
  }

  verify(): string | undefined {
    if (this.#position === undefined || this.#position.more) return 'a snapshot that is not whole';
    for (const [key, { kind, name, content }] of this.#items) this.#hashes.set(key, hashItem(kind, name, content));
    if (Buffer.compare(SetDigest.of(this.#hashes.values()).bytes(), this.#position.digest) === 0) return undefined;
    return `content whose digest is not the one of revision ${this.#position.revision}`;
  }

  track(): CachedTrack {
    const { revision, digest, createdAt } = this.#position!;
    return {
      revision: Number(revision),
      digest,
      createdAtMs: createdAt === undefined ? 0 : Number(createdAt.seconds) * 1000 + createdAt.nanos / 1e6,
      latest: [...this.#items.values()],
      hashes: this.#hashes,
      lastGood: this.lastGood,
    };
  }
}
