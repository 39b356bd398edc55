import type { BuiltItem } from '@sluice/engine';
import { KeySetRefresher, type RefresherContext } from './key-set-refresher.ts';

export interface KeySetsContext extends RefresherContext {
  /** The document that is active for an issuer and was fetched from there. */
  readonly known: (issuer: string, url: string) => string | undefined;
}

/** The key sets that a node fetches: one for each active issuer whose keys are at an address. */
export class KeySets {
  readonly #context: KeySetsContext;
  readonly #refreshers = new Map<string, KeySetRefresher>();

  constructor(context: KeySetsContext) {
    this.#context = context;
  }

  /** An item became active. */
  put(item: BuiltItem): void {
    if (item.kind !== 'Issuer') return;
    const { name, keySet } = item;
    const before = this.#refreshers.get(name);
    if (keySet !== undefined && before?.source.url === keySet.url && before.source.refreshMs === keySet.refreshMs)
      return;
    this.remove('Issuer', name);
    if (keySet === undefined) return;
    const known = this.#context.known(name, keySet.url);
    this.#refreshers.set(name, new KeySetRefresher(this.#context, name, keySet, known));
  }

  /** An item is active no more. */
  remove(kind: string, name: string): void {
    if (kind !== 'Issuer') return;
    this.#refreshers.get(name)?.close();
    this.#refreshers.delete(name);
  }

  /** A worker has a token whose key is not known. */
  wanted(issuer: string): void {
    this.#refreshers.get(issuer)?.wanted();
  }

  close(): void {
    for (const refresher of this.#refreshers.values()) refresher.close();
    this.#refreshers.clear();
  }
}
