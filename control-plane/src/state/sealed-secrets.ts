import { decodeResource, findSecrets, isKind, mayHaveSecrets, secretPlace } from '@sluice/engine';
import type { SealedSecret, SecretRef } from '../store/store.ts';
import type { ItemChange } from './merge-changes.ts';
import type { TrackItem } from './track-state.ts';

interface Kept {
  readonly content: Uint8Array;
  readonly sealed: Promise<readonly SealedSecret[]>;
}

/** The sealed secrets of the current items in memory, so that nodes get them while the database is away. */
export class SealedSecrets {
  readonly #read: (ref: SecretRef) => Promise<SealedSecret | undefined>;
  readonly #kept = new Map<string, Kept>();
  /** One item after the other: a start reads all there are. */
  #turn: Promise<unknown> = Promise.resolve();

  /** `read`: from the database; rejects while it is away. */
  constructor(read: (ref: SecretRef) => Promise<SealedSecret | undefined>) {
    this.#read = read;
  }

  /** What is stored of an item's secrets. Undefined: it is of a kind without any. Rejects while they have to be read and cannot be. */
  of(item: TrackItem): Promise<readonly SealedSecret[]> | undefined {
    if (!isKind(item.kind) || !mayHaveSecrets(item.kind)) return undefined;
    const kept = this.#kept.get(`${item.kind}/${item.name}`);
    const isSame = kept !== undefined && Buffer.compare(kept.content, item.content) === 0;
    return isSame ? kept.sealed : this.#keep(item);
  }

  /** Reads ahead what will be asked for, and forgets what is gone. */
  follow(changes: readonly ItemChange[]): void {
    for (const { kind, name, after } of changes) {
      if (after === undefined) this.#kept.delete(`${kind}/${name}`);
      else void this.of(after)?.catch(() => undefined);
    }
  }

  #keep(item: TrackItem): Promise<readonly SealedSecret[]> {
    const key = `${item.kind}/${item.name}`;
    const sealed = this.#turn.then(() => this.#readAll(item));
    this.#turn = sealed.catch(() => undefined);
    const kept = { content: item.content, sealed };
    this.#kept.set(key, kept);
    sealed.catch(() => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    });
    return sealed;
  }

  async #readAll({ kind, name, content }: TrackItem): Promise<readonly SealedSecret[]> {
    const found: SealedSecret[] = [];
    for (const secret of findSecrets(decodeResource(content))) {
      if (!('unchanged' in secret)) continue;
      const ref = { kind, name, field: secretPlace(secret.field), fingerprint: secret.unchanged };
      const sealed = await this.#read(ref);
      if (sealed !== undefined) found.push(sealed);
    }
    return found;
  }
}
