import { hashItem, type ItemKey, itemKey, SetDigest, type TrackItem } from '@sluice/engine';
import { type CacheRecord, type FetchedKeySet, type FoundEndpoints, Track, type Update } from '@sluice/proto';
import { API_KEY_KIND, type KeyRestore, Slices } from '../../shared/index.ts';
import { itemsOf } from '../partly-decoded.ts';

/** One track as it is kept on disk; of the facts, all but API keys. */
export interface CachedTrack {
  readonly revision: number;
  /** Of all of it, API keys too. */
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

/** Replays a base file's and its log's records, one after the other. */
export class Replay {
  readonly #keys: KeyRestore;
  readonly #config = new TrackReplay(undefined);
  readonly #facts: TrackReplay;
  readonly #keySets = new Map<string, FetchedKeySet>();
  readonly #found = new Map<string, FoundEndpoints>();
  readonly #slices = new Slices();

  /** @param keys takes the API keys */
  constructor(keys: KeyRestore) {
    this.#keys = keys;
    this.#facts = new TrackReplay(keys);
  }

  /** In slices. @throws KeysFull */
  async add({ record }: CacheRecord): Promise<void> {
    if (record.case === 'update') await this.#trackOf(record.value).update(record.value, this.#slices);
    else if (record.case === 'lastGood') this.#trackOf(record.value).lastGood = record.value.items;
    else if (record.case === 'keySet') this.#keySets.set(record.value.issuer, record.value);
    else if (record.case === 'foundEndpoints') this.#found.set(record.value.service, record.value);
  }

  /** What it leads to, or a reason where that is not what the records say. */
  finish(historyId: string): CachedState | string {
    const problem = this.#config.verify() ?? this.#facts.verify();
    if (problem !== undefined) return problem;
    this.#keys.done();
    return {
      historyId,
      config: this.#config.track(),
      facts: this.#facts.track(),
      keySets: [...this.#keySets.values()],
      found: [...this.#found.values()],
    };
  }

  #trackOf({ track }: { readonly track: Track }): TrackReplay {
    return track === Track.FACTS ? this.#facts : this.#config;
  }
}

/** Where the last update that was replayed leads to. */
interface Position extends Pick<Update, 'more' | 'revision' | 'digest'> {
  readonly createdAt: Update['createdAt'] | undefined;
}

class TrackReplay {
  readonly #keys: KeyRestore | undefined;
  readonly #items = new Map<ItemKey, TrackItem>();
  readonly #hashes = new Map<ItemKey, Uint8Array>();
  lastGood: readonly TrackItem[] = [];
  #position: Position | undefined;
  /** Parts of a change whose last is yet to come: a log may end before it, and then none of them counts. */
  #begun: Update[] = [];

  constructor(keys: KeyRestore | undefined) {
    this.#keys = keys;
  }

  async update(update: Update, slices: Slices): Promise<void> {
    this.#begun.push(update);
    const { snapshot, more, revision, digest, createdAt } = update;
    if (more && !snapshot) return;
    const parts = this.#begun;
    this.#begun = [];
    for (const { removals } of parts) {
      for (const removal of removals) {
        if (this.#isKey(removal)) this.#keys!.remove(removal.name);
        else this.#items.delete(itemKey(removal));
        if (slices.isOver()) await slices.pause();
      }
    }
    for (const part of parts) {
      for (const item of itemsOf(part)) {
        if (this.#isKey(item)) this.#keys!.put(item);
        else this.#items.set(itemKey(item), item);
        if (slices.isOver()) await slices.pause();
      }
    }
    this.#position = { more, revision, digest, createdAt };
  }

  verify(): string | undefined {
    if (this.#position === undefined || this.#position.more) return 'a snapshot that is not whole';
    for (const [key, { kind, name, content }] of this.#items) this.#hashes.set(key, hashItem(kind, name, content));
    const digest = SetDigest.of(this.#hashes.values());
    if (this.#keys !== undefined) digest.add(this.#keys.digest);
    if (Buffer.compare(digest.bytes(), this.#position.digest) !== 0) {
      return `content whose digest is not the one of revision ${this.#position.revision}`;
    }
    for (const item of this.lastGood) if (this.#isKey(item)) this.#keys!.putLastGood(item);
    return undefined;
  }

  track(): CachedTrack {
    const { revision, digest, createdAt } = this.#position!;
    return {
      revision: Number(revision),
      digest,
      createdAtMs: createdAt === undefined ? 0 : Number(createdAt.seconds) * 1000 + createdAt.nanos / 1e6,
      latest: [...this.#items.values()],
      hashes: this.#hashes,
      lastGood: this.lastGood.filter((item) => !this.#isKey(item)),
    };
  }

  #isKey({ kind }: { readonly kind: string }): boolean {
    return this.#keys !== undefined && kind === API_KEY_KIND;
  }
}
