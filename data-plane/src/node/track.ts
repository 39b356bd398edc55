import {
  ActiveSet,
  type BuildContext,
  type HeldItem,
  hashItem,
  type ItemKey,
  itemKey,
  type PlannedChange,
  SetDigest,
  type TrackItem,
} from '@sluice/engine';
import { type Item, NackReason, type ItemKey as WireKey, Track as WireTrack } from '@sluice/proto';
import { KeyStaging, type KeyStore } from '../shared/index.ts';
import type { CachedTrack } from './cache/cached-state.ts';

/** An update with all its parts put together. */
export interface WholeUpdate {
  readonly track: WireTrack;
  readonly historyId: string;
  readonly fromRevision: number;
  readonly revision: number;
  readonly digest: Uint8Array;
  readonly upserts: readonly Item[];
  readonly removals: readonly WireKey[];
  /** The API keys, taken in as its parts came: they are not among `upserts` and `removals`. */
  readonly keys?: KeyStaging | undefined;
  /** Why this node has no room for it. */
  readonly problem?: string | undefined;
  readonly snapshot: boolean;
  readonly forced: boolean;
  readonly createdAtMs: number;
}

/** An update that was verified and worked out, and waits to be activated. */
export interface PreparedUpdate {
  readonly update: WholeUpdate;
  readonly planned: PlannedChange;
  /** Of all but API keys. */
  readonly digest: SetDigest;
  /** To be applied when workers have staged the rest, or to be discarded. */
  readonly keys: KeyStaging | undefined;
  readonly hashes: ReadonlyMap<ItemKey, Uint8Array | undefined>;
}

/** Why an update is refused as a whole. */
export interface UpdateRefusal {
  readonly reason: NackReason;
  readonly detail: string;
}

/** Fewer removals than this are never a mass deletion. */
const MASS_DELETION_FLOOR = 10;

/** One of the two kinds of truth as this node has it: at which revision, with what content, and what of it is active. */
export class NodeTrack {
  readonly wire: WireTrack;
  /** All of it but API keys. */
  readonly set: ActiveSet;
  /** Of the track of facts. */
  readonly keys: KeyStore | undefined;
  #hashes = new Map<ItemKey, Uint8Array>();
  #digest = new SetDigest();
  #revision = 0;
  #createdAtMs = 0;
  #activeSinceMs = 0;

  constructor(wire: WireTrack, set: ActiveSet, keys?: KeyStore) {
    this.wire = wire;
    this.set = set;
    this.keys = keys;
  }

  /** @param keys with what was cached of them */
  static restore(wire: WireTrack, context: BuildContext, cached: CachedTrack, keys?: KeyStore): NodeTrack {
    const track = new NodeTrack(wire, ActiveSet.restore(context, cached.latest, cached.lastGood).set, keys);
    track.#hashes = new Map(cached.hashes);
    track.#digest = SetDigest.of(cached.hashes.values());
    track.#revision = cached.revision;
    track.#createdAtMs = cached.createdAtMs;
    track.#activeSinceMs = Date.now();
    return track;
  }

  get revision(): number {
    return this.#revision;
  }

  get createdAtMs(): number {
    return this.#createdAtMs;
  }

  get activeSinceMs(): number {
    return this.#activeSinceMs;
  }

  digest(): Uint8Array<ArrayBuffer> {
    return together(this.#digest, this.keys?.digest);
  }

  held(): HeldItem[] {
    return [...this.set.held.values(), ...(this.keys?.heldItems() ?? [])];
  }

  /** The active versions that must be saved beside the latest. */
  lastGoodItems(): TrackItem[] {
    return [...this.set.lastGoodItems(), ...(this.keys?.lastGoodItems() ?? [])];
  }

  /** Verifies an update and works out what it changes; changes nothing itself. */
  async prepare(update: WholeUpdate, sameHistory: boolean): Promise<PreparedUpdate | UpdateRefusal> {
    const refusal = this.#refuse(update, sameHistory);
    if (refusal !== undefined) {
      update.keys?.discard();
      return refusal;
    }
    const keys = update.keys ?? (update.snapshot && this.keys ? new KeyStaging(this.keys, true) : undefined);
    const { digest, hashes } = this.#digestAfter(update);
    const keysDigest = keys === undefined ? this.keys?.digest : await keys.digestAfter();
    if (Buffer.compare(together(digest, keysDigest), update.digest) !== 0) {
      keys?.discard();
      return {
        reason: NackReason.DIGEST,
        detail: `the content after revision ${update.revision} has another digest than it says`,
      };
    }
    return { update, planned: this.set.plan(update), digest, keys, hashes };
  }

  /** Takes over what was prepared last. */
  make({ update, planned, digest, hashes }: PreparedUpdate, nowMs: number): void {
    this.set.make(planned);
    if (update.snapshot) this.#hashes = new Map();
    for (const [key, hash] of hashes) {
      if (hash === undefined) this.#hashes.delete(key);
      else this.#hashes.set(key, hash);
    }
    this.#digest = digest;
    this.#revision = update.revision;
    this.#createdAtMs = update.createdAtMs;
    this.#activeSinceMs = nowMs;
  }

  #refuse(update: WholeUpdate, sameHistory: boolean): UpdateRefusal | undefined {
    const { snapshot, forced, fromRevision, revision, removals, upserts, problem } = update;
    if (problem !== undefined) return { reason: NackReason.WORKERS, detail: problem };
    if (sameHistory && revision < this.#revision && !(snapshot && forced)) {
      return { reason: NackReason.BACKWARDS, detail: `revision ${revision} is behind the active ${this.#revision}` };
    }
    if (!snapshot && fromRevision !== this.#revision) {
      return {
        reason: NackReason.GAP,
        detail: `starts from revision ${fromRevision}, and ${this.#revision} is active`,
      };
    }
    if (update.keys?.isCurrent === false) {
      return { reason: NackReason.WORKERS, detail: 'the API keys changed while it came' };
    }
    if (this.wire !== WireTrack.CONFIG || forced) return undefined;
    const had = this.set.latestSize();
    const deleted = snapshot
      ? this.#missingFrom(upserts)
      : removals.filter((key) => this.#hashes.has(itemKey(key))).length;
    if (deleted <= MASS_DELETION_FLOOR || deleted * 2 <= had) return undefined;
    return {
      reason: NackReason.MASS_DELETION,
      detail: `deletes ${deleted} of ${had} resources; apply it with --force where that is meant`,
    };
  }

  #missingFrom(items: readonly Item[]): number {
    const named = new Set(items.map(itemKey));
    let missing = 0;
    for (const key of this.#hashes.keys()) if (!named.has(key)) missing++;
    return missing;
  }

  #digestAfter({ snapshot, upserts, removals }: WholeUpdate): Pick<PreparedUpdate, 'digest' | 'hashes'> {
    const digest = snapshot ? new SetDigest() : this.#digest.clone();
    const before = snapshot ? undefined : this.#hashes;
    const hashes = new Map<ItemKey, Uint8Array | undefined>();
    const replace = (key: ItemKey, hash: Uint8Array | undefined): void => {
      const old = hashes.has(key) ? hashes.get(key) : before?.get(key);
      if (old !== undefined) digest.remove(old);
      if (hash !== undefined) digest.add(hash);
      hashes.set(key, hash);
    };
    for (const key of removals) replace(itemKey(key), undefined);
    for (const item of upserts) replace(itemKey(item), hashOf(item));
    return { digest, hashes };
  }
}

/** The digest of two sets that have nothing in common. */
function together(a: SetDigest, b: SetDigest | undefined): Uint8Array<ArrayBuffer> {
  return b === undefined ? a.bytes() : SetDigest.of([a.bytes(), b.bytes()]).bytes();
}

function hashOf({ kind, name, content }: TrackItem): Uint8Array {
  return hashItem(kind, name, content);
}
