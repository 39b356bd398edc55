import { SetDigest } from '@sluice/engine';
import type { ChangeRecord, Store, TrackName, VersionRecord } from '../store/store.ts';
import { ChangeRing } from './change-ring.ts';
import { GroupDigests, goesTo } from './group-digests.ts';
import { type ItemChange, mergeChanges } from './merge-changes.ts';
import type { TrackDelta, TrackItem, TrackPosition, TrackSnapshot, TrackState } from './track-state.ts';

/** An item with the revision that last changed it. */
export interface CurrentItem extends TrackItem {
  readonly revision: number;
}

export type CurrentChange = ItemChange<CurrentItem>;

/** Memory for catching up nodes: about an hour of a busy fleet's changes, or one large change. */
const ringBounds = { revisions: 4096, changes: 200_000 };
/** Merged changes kept for the other nodes that come from the same revision. */
const MAX_MERGED = 256;

export interface TrackOptions {
  readonly name: TrackName;
  readonly store: Pick<Store, 'readChanges'>;
  /** When the process began: stands for the time of revision 0. */
  readonly now: Date;
}

/** One track in memory. Changed only by ControlState, one revision at a time. */
export class Track implements TrackState {
  readonly name: TrackName;
  protected readonly options: TrackOptions;
  readonly #ring = new ChangeRing<CurrentChange>(ringBounds);
  readonly #listeners = new Set<() => void>();
  #items = new Map<string, CurrentItem>();
  #digests = new GroupDigests();
  #revision = 0;
  #createdAt: Date;
  /** What follows from the present revision alone, by where it starts or by group; forgotten with the next. */
  #merged = new Map<number, Promise<readonly ItemChange[] | undefined>>();
  #snapshots = new Map<string, TrackSnapshot>();

  constructor(options: TrackOptions) {
    this.name = options.name;
    this.options = options;
    this.#createdAt = options.now;
  }

  /** A track like this one, without anything in it: to load into. */
  empty(): Track {
    return new Track(this.options);
  }

  get revision(): number {
    return this.#revision;
  }

  get createdAt(): Date {
    return this.#createdAt;
  }

  get size(): number {
    return this.#items.size;
  }

  get(kind: string, name: string): CurrentItem | undefined {
    return this.#items.get(`${kind}/${name}`);
  }

  items(): Iterable<CurrentItem> {
    return this.#items.values();
  }

  /** The set digest of everything, as revisions record it. */
  digest(): Uint8Array {
    return this.#digests.whole();
  }

  /** The set digest of everything after changes that are not made yet. */
  digestAfter(changes: readonly ItemChange[]): Uint8Array {
    const digest = SetDigest.of([this.#digests.whole()]);
    for (const { before, after } of changes) {
      if (before !== undefined) digest.remove(before.hash);
      if (after !== undefined) digest.add(after.hash);
    }
    return digest.bytes();
  }

  position(group: string): TrackPosition {
    return { revision: this.#revision, digest: this.#digests.of(group) };
  }

  async deltaSince(from: number, group: string): Promise<TrackDelta | undefined> {
    if (from > this.#revision) return undefined;
    const end = { ...this.position(group), createdAt: this.#createdAt, size: this.#digests.sizeOf(group) };
    const changes = await this.#changesSince(from);
    return changes === undefined ? undefined : makeDelta(from, end, group, changes);
  }

  snapshot(group: string): TrackSnapshot {
    const known = this.#snapshots.get(group);
    if (known !== undefined) return known;
    const items = [...this.#items.values()].filter((item) => goesTo(item, group));
    const snapshot = { ...this.position(group), items, createdAt: this.#createdAt };
    if (this.#snapshots.size < MAX_MERGED) this.#snapshots.set(group, snapshot);
    return snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Brings what is derived from the items to what is stored, before `append` or `load`. */
  async indexVersions(_versions: readonly VersionRecord[]): Promise<void> {}

  /**
   * Takes a part of what is current at a revision, or later: what was read in pages while others write is right once the revisions after
   * this one are appended.
   */
  load(versions: readonly VersionRecord[], revision: number, createdAt: Date): void {
    this.append(revision, createdAt, this.changesOf(versions));
    this.#ring.clear();
  }

  /** What versions change here, in their order. */
  changesOf(versions: readonly VersionRecord[]): CurrentChange[] {
    return versions.map((version) => ({
      kind: version.kind,
      name: version.name,
      before: this.get(version.kind, version.name),
      after: toItem(version),
    }));
  }

  /** Takes the next revision. Listeners are told by `tell`. */
  append(revision: number, createdAt: Date, changes: readonly CurrentChange[]): void {
    for (const { kind, name, before, after } of changes) {
      const key = `${kind}/${name}`;
      if (before !== undefined) this.#digests.remove(before);
      if (after === undefined) this.#items.delete(key);
      else {
        this.#digests.add(after);
        this.#items.set(key, after);
      }
    }
    this.#ring.push(revision, changes);
    this.#moveTo(revision, createdAt);
  }

  /** Takes over what was loaded as a whole: all of it, in one step. */
  replace(loaded: Track): void {
    this.#items = loaded.#items;
    this.#digests = loaded.#digests;
    this.#ring.clear();
    this.#moveTo(loaded.#revision, loaded.#createdAt);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  #moveTo(revision: number, createdAt: Date): void {
    this.#revision = revision;
    this.#createdAt = createdAt;
    this.#merged = new Map();
    this.#snapshots = new Map();
  }

  /** What differs between a revision and the present one: from the ring, else from the database. */
  #changesSince(from: number): Promise<readonly ItemChange[] | undefined> {
    const known = this.#merged.get(from);
    if (known !== undefined) return known;
    const merged = this.#merged;
    const recent = this.#ring.since(from, this.#revision);
    const changes = recent === undefined ? this.#readChanges(from) : Promise.resolve(mergeChanges(recent));
    if (merged.size < MAX_MERGED) {
      merged.set(from, changes);
      if (recent === undefined) {
        void changes.then((found) => {
          if (found === undefined) merged.delete(from);
        });
      }
    }
    return changes;
  }

  /** Undefined where a snapshot is smaller, and where the database is away. */
  async #readChanges(from: number): Promise<readonly ItemChange[] | undefined> {
    try {
      const found = await this.options.store.readChanges(this.name, from, this.#revision, this.#items.size);
      return found?.map(toChange);
    } catch {
      return undefined;
    }
  }
}

export function toItem(version: VersionRecord): CurrentItem | undefined {
  const { kind, name, revision, content, hash, nodeGroups } = version;
  return content === undefined || hash === undefined ? undefined : { kind, name, revision, content, hash, nodeGroups };
}

function toChange({ kind, name, before, after }: ChangeRecord): ItemChange {
  return { kind, name, before: before && toItem(before), after: after && toItem(after) };
}

interface DeltaEnd extends TrackPosition {
  readonly createdAt: Date;
  /** How many items the group has. */
  readonly size: number;
}

function makeDelta(from: number, end: DeltaEnd, group: string, changes: readonly ItemChange[]): TrackDelta {
  const upserts: TrackItem[] = [];
  const removals: { kind: string; name: string }[] = [];
  const start = SetDigest.of([end.digest]);
  let startSize = end.size;
  for (const { kind, name, before, after } of changes) {
    const had = before !== undefined && goesTo(before, group);
    const has = after !== undefined && goesTo(after, group);
    if (had) {
      start.add(before.hash);
      startSize++;
    }
    if (has) {
      start.remove(after.hash);
      startSize--;
      upserts.push(after);
    } else if (had) removals.push({ kind, name });
  }
  return {
    fromRevision: from,
    fromDigest: start.bytes(),
    revision: end.revision,
    digest: end.digest,
    upserts,
    removals,
    forced: removals.length * 2 > startSize,
    createdAt: end.createdAt,
  };
}
