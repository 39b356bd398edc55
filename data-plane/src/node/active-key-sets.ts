import { create, toBinary } from '@bufbuild/protobuf';
import { type ActiveItem, KEY_SET_KIND } from '@sluice/engine';
import { type FetchedKeySet, FetchedKeySetSchema } from '@sluice/proto';

/** The fetched key sets that are active, by issuer. */
export class ActiveKeySets {
  readonly #items = new Map<string, { readonly set: FetchedKeySet; readonly item: ActiveItem }>();

  sets(): readonly FetchedKeySet[] {
    return [...this.#items.values()].map(({ set }) => set);
  }

  items(): readonly ActiveItem[] {
    return [...this.#items.values()].map(({ item }) => item);
  }

  /** `item`: the set, as `keySetItem` makes it. */
  put(set: FetchedKeySet, item: ActiveItem = keySetItem(set)): void {
    this.#items.set(set.issuer, { set, item });
  }

  remove(issuer: string): void {
    this.#items.delete(issuer);
  }
}

/** A key set as workers are told of it. */
export function keySetItem(set: FetchedKeySet): ActiveItem {
  const content = toBinary(FetchedKeySetSchema, create(FetchedKeySetSchema, set));
  return { kind: KEY_SET_KIND, name: set.issuer, content, unavailable: undefined };
}
