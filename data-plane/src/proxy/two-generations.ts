import { hashTail, TextTable } from '@sluice/engine';
import { detached } from '../http1/index.ts';

/** Texts in one generation, and their characters together: a token may be long. */
const MAX_ENTRIES = 8192;
const MAX_CHARACTERS = 4 * 1024 * 1024;

/**
 * A bounded map that forgets what was not used for longest, roughly, at no cost: when the young generation is full it becomes the old
 * one, and what the old one held is gone unless it was used meanwhile.
 */
export class TwoGenerations<Value> {
  readonly #maxEntries: number;
  readonly #maxCharacters: number;
  #young = new TextTable<Value>(hashTail);
  #old = new TextTable<Value>(hashTail);
  #characters = 0;

  constructor(maxEntries = MAX_ENTRIES, maxCharacters = MAX_CHARACTERS) {
    this.#maxEntries = maxEntries;
    this.#maxCharacters = maxCharacters;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): Value | undefined {
    return this.#young.get(key) ?? (this.#old.size === 0 ? undefined : this.#getOld(key));
  }

  /** `key` stays alive as it is: it must be no part of a larger text. */
  set(key: string, value: Value): void {
    if (this.#young.get(key) === undefined) {
      if (this.#young.size >= this.#maxEntries || this.#characters + key.length > this.#maxCharacters) this.#turn();
      this.#characters += key.length;
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    if (this.#young.delete(key)) this.#characters -= key.length;
    this.#old.delete(key);
  }

  #getOld(key: string): Value | undefined {
    const value = this.#old.get(key);
    if (value === undefined) return undefined;
    this.#old.delete(key);
    this.set(detached(key), value);
    return value;
  }

  #turn(): void {
    this.#old = this.#young;
    this.#young = new TextTable(hashTail);
    this.#characters = 0;
  }
}
