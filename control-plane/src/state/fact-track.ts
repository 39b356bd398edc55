import { fromBinary } from '@bufbuild/protobuf';
import { type ApiKey, ApiKeySchema } from '@sluice/proto';
import { type CurrentChange, type CurrentItem, Track } from './track.ts';

/** The facts in memory, which keys each consumer has, and which key has which secret. */
export class FactTrack extends Track {
  #keysByConsumer = new Map<string, Set<string>>();
  /** By the first half of the secret's hash. */
  #keysBySecret = new Map<string, string>();
  /** The facts that are no keys, by kind and name. */
  #others = new Map<string, Map<string, CurrentItem>>();

  override empty(): FactTrack {
    return new FactTrack(this.options);
  }

  /** The names of a consumer's keys, whether they still are accepted or not. */
  keysOf(consumer: string): ReadonlySet<string> {
    return this.#keysByConsumer.get(consumer) ?? new Set();
  }

  /** The key whose secret, or the one before its last rotation, may be the one with this SHA-256. To be compared with it. */
  findKey(secretHash: Uint8Array): CurrentItem | undefined {
    const name = this.#keysBySecret.get(indexOf(secretHash));
    return name === undefined ? undefined : this.get(apiKeyKind, name);
  }

  /** The facts of a kind; keys are found otherwise. */
  itemsOf(kind: string): Iterable<CurrentItem> {
    return this.#others.get(kind)?.values() ?? [];
  }

  countOf(kind: string): number {
    return this.#others.get(kind)?.size ?? 0;
  }

  override append(revision: number, createdAt: Date, changes: readonly CurrentChange[]): void {
    for (const { kind, name, before, after } of changes) {
      if (kind !== apiKeyKind) this.#put(kind, name, after);
      const [old, key] = [keyOf(before), keyOf(after)];
      for (const hash of secretsOf(old)) this.#keysBySecret.delete(indexOf(hash));
      for (const hash of secretsOf(key)) this.#keysBySecret.set(indexOf(hash), name);
      const [from, to] = [old?.consumer, key?.consumer];
      if (from === to) continue;
      if (from !== undefined) this.#forget(from, name);
      if (to !== undefined) this.#keysByConsumer.set(to, (this.#keysByConsumer.get(to) ?? new Set()).add(name));
    }
    super.append(revision, createdAt, changes);
  }

  override replace(loaded: Track): void {
    if (loaded instanceof FactTrack) {
      this.#keysByConsumer = loaded.#keysByConsumer;
      this.#keysBySecret = loaded.#keysBySecret;
      this.#others = loaded.#others;
    }
    super.replace(loaded);
  }

  #put(kind: string, name: string, item: CurrentItem | undefined): void {
    const items = this.#others.get(kind) ?? new Map<string, CurrentItem>();
    this.#others.set(kind, items);
    if (item === undefined) items.delete(name);
    else items.set(name, item);
  }

  #forget(consumer: string, key: string): void {
    const keys = this.#keysByConsumer.get(consumer);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByConsumer.delete(consumer);
  }
}

/** The kind of facts that API keys are. */
export const apiKeyKind = 'ApiKey';

function keyOf(item: CurrentItem | undefined): ApiKey | undefined {
  return item?.kind === apiKeyKind ? fromBinary(ApiKeySchema, item.content) : undefined;
}

function secretsOf(key: ApiKey | undefined): Uint8Array[] {
  return key === undefined ? [] : [key.hash, key.previousHash].filter(({ length }) => length > 0);
}

/** 128 bits: nobody has two secrets that share them. */
function indexOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1', 0, 16);
}
