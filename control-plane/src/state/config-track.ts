import {
  type Checked,
  type ConfigIndexOptions,
  decodeResource,
  type EntryChange,
  type Kind,
  type ResourceKey,
} from '@sluice/engine';
import { ConfigIndex } from '@sluice/engine/config-index';
import type { Resource } from '@sluice/proto';
import type { VersionRecord } from '../store/store.ts';
import type { SealedSecrets } from './sealed-secrets.ts';
import { Turns } from './take-turns.ts';
import { type CurrentChange, type CurrentItem, Track, type TrackOptions } from './track.ts';

/** Resources checked at once while following: small enough to leave others their turn. */
const FOLLOWED_AT_ONCE = 20;

/** Kinds in an order in which what is referred to comes first. */
export const kindsReferredFirst = [
  'NodeGroup',
  'Certificate',
  'Issuer',
  'Consumer',
  'Service',
  'Policy',
  'Listener',
  'Route',
] as const satisfies readonly Kind[];

/** A kind's place in that order. -1: it is no kind. */
export function rankOfKind(kind: string): number {
  const order: readonly string[] = kindsReferredFirst;
  return order.indexOf(kind);
}

type Unplaced = Exclude<Kind, (typeof kindsReferredFirst)[number]>;
/** Does not compile where a kind has no place in the order. */
true satisfies [Unplaced] extends [never] ? true : never;

export interface ConfigTrackOptions extends TrackOptions {
  readonly index: ConfigIndexOptions;
  readonly secrets: SealedSecrets;
}

/** The config in memory: its items as they are stored and shipped, and the index that checks changes to them. */
export class ConfigTrack extends Track {
  readonly #options: ConfigTrackOptions;
  #index: ConfigIndex;

  constructor(options: ConfigTrackOptions) {
    super(options);
    this.#options = options;
    this.#index = ConfigIndex.empty(options.index);
  }

  override empty(): ConfigTrack {
    return new ConfigTrack(this.#options);
  }

  get index(): ConfigIndex {
    return this.#index;
  }

  /** What a checked change does to the items; `revision` is the one that it would make. */
  itemChanges(checked: Checked, revision: number): CurrentChange[] {
    return checked.changes.map((change) => ({
      ...nameOf(change),
      before: this.get(nameOf(change).kind, nameOf(change).name),
      after: change.after === undefined ? undefined : { ...toItem(change.after), revision },
    }));
  }

  /** Takes a change that was checked here and is stored by now. */
  appendChecked(checked: Checked, revision: number, createdAt: Date, changes: readonly CurrentChange[]): void {
    this.#index.commit(checked);
    this.append(revision, createdAt, changes);
  }

  override append(revision: number, createdAt: Date, changes: readonly CurrentChange[]): void {
    super.append(revision, createdAt, changes);
    this.#options.secrets.follow(changes);
  }

  /** Brings the index to what is stored, right or wrong by this version's rules, a few resources at a time. */
  override async indexVersions(versions: readonly VersionRecord[]): Promise<void> {
    const turns = new Turns();
    const ordered = versions.toSorted((a, b) => rankOfKind(a.kind) - rankOfKind(b.kind));
    const removed = ordered.filter((version) => version.content === undefined).reverse();
    const present = ordered.filter((version) => version.content !== undefined);
    for (let start = 0; start < present.length; start += FOLLOWED_AT_ONCE) {
      const upserts = present.slice(start, start + FOLLOWED_AT_ONCE).map(decodeVersion);
      this.#index.commit(this.#index.check({ upserts, removals: [] }));
      await turns.next();
    }
    for (const { kind, name } of removed) {
      const key = `${kind}/${name}` as ResourceKey;
      if (this.#index.get(key) !== undefined) this.#index.commit(this.#index.check({ upserts: [], removals: [key] }));
      await turns.next();
    }
  }

  override replace(loaded: Track): void {
    if (loaded instanceof ConfigTrack) this.#index = loaded.#index;
    super.replace(loaded);
  }
}

function decodeVersion({ kind, name, revision, content }: VersionRecord): Resource {
  try {
    return decodeResource(content ?? new Uint8Array());
  } catch (error) {
    throw new Error(`what is stored of ${kind} "${name}" at revision ${revision} does not decode`, { cause: error });
  }
}

function nameOf({ before, after }: EntryChange): { kind: string; name: string } {
  const { kind, name } = (after ?? before)!;
  return { kind, name };
}

function toItem(entry: NonNullable<EntryChange['after']>): Omit<CurrentItem, 'revision'> {
  const { kind, name, content, hash, nodeGroups } = entry;
  return { kind, name, content, hash, nodeGroups };
}
