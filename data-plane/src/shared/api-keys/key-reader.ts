import { type BuiltApiKey, type FoundApiKey, newScannedKey, scanApiKey, type TrackItem } from '@sluice/engine';
import { FewNames } from './few-names.ts';
import {
  API_KEY_KIND,
  EMPTY,
  HEAD_BYTES,
  KeyMemory,
  SECRETS,
  SlotCursor,
  UNIT_BYTES,
  unitOf,
  whichOf,
} from './key-memory.ts';

/** Decodes a key that is not plain. */
export type DecodeKey = (item: TrackItem) => BuiltApiKey | undefined;

const HASH_BYTES = 32;
/** Looks again where the main thread changed what was just read; each time means that it got on. */
const MAX_LOOKS = 16;

/**
 * Finds API keys, in any thread. Costs one lookup of the key as it is written, where a worker has seen it since the last change; else a
 * SHA-256 and another lookup.
 */
export class KeyReader {
  readonly #memory: KeyMemory;
  readonly #decode: DecodeKey;
  readonly #cursor: SlotCursor;
  readonly #scanned = newScannedKey();
  readonly #consumers = new FewNames();

  constructor(buffer: SharedArrayBuffer, decode: DecodeKey) {
    this.#memory = new KeyMemory(buffer);
    this.#decode = decode;
    this.#cursor = new SlotCursor(this.#memory);
  }

  /** The key one of whose secrets has this SHA-256; of several, the one that is good for longest. Its expiry is not looked at. */
  find(secretHash: Uint8Array): FoundApiKey | undefined {
    this.#memory.refresh();
    for (let look = 0; look < MAX_LOOKS; look++) {
      const found = this.#look(secretHash);
      if (found !== 'changed') return found;
    }
    return undefined;
  }

  #look(secretHash: Uint8Array): FoundApiKey | undefined | 'changed' {
    const { words } = this.#memory;
    let best: FoundApiKey | undefined;
    this.#cursor.begin(SECRETS, wordOf(secretHash, 0), wordOf(secretHash, 4));
    for (let word = this.#cursor.next(); word !== EMPTY; word = this.#cursor.next()) {
      const key = this.#read(unitOf(word), whichOf(word), secretHash);
      if (key === undefined) continue;
      // What was read is what the slot named all the while.
      if (Atomics.load(words, this.#cursor.at) !== word) return 'changed';
      if (best === undefined || isBetter(key, best)) best = key;
    }
    return best;
  }

  #read(unit: number, which: number, secretHash: Uint8Array): FoundApiKey | undefined {
    const memory = this.#memory;
    const { bytes } = memory;
    const at = memory.secretAt(unit, which);
    if (at === 0) return undefined;
    for (let i = 0; i < HASH_BYTES; i++) if (bytes[at + i] !== secretHash[i]) return undefined;
    const scanned = this.#scanned;
    const start = unit * UNIT_BYTES + HEAD_BYTES;
    if (!memory.isPlain(unit) || !scanApiKey(bytes, start, start + memory.lengthOf(unit), scanned)) {
      return this.#readDecoded(unit, secretHash);
    }
    const { nameAt, nameLength, consumerAt, consumerLength, expiresAtMs, previousExpiresAtMs } = scanned;
    return {
      name: bytes.toString('latin1', nameAt, nameAt + nameLength),
      consumer: this.#consumers.at(bytes, consumerAt, consumerLength),
      expiresAtMs: which === 0 ? expiresAtMs : Math.min(expiresAtMs, previousExpiresAtMs),
      overrides: undefined,
    };
  }

  #readDecoded(unit: number, secretHash: Uint8Array): FoundApiKey | undefined {
    const memory = this.#memory;
    const key = this.#decode({ kind: API_KEY_KIND, name: memory.nameOf(unit), content: memory.contentOf(unit) });
    const hash = Buffer.from(secretHash).toString('hex');
    const expiries = key?.secrets.filter((secret) => secret.hash === hash).map(({ expiresAtMs }) => expiresAtMs) ?? [];
    if (key === undefined || expiries.length === 0) return undefined;
    return { name: key.name, consumer: key.consumer, expiresAtMs: Math.max(...expiries), overrides: key.overrides };
  }
}

/** Four bytes of a hash as the index takes them. */
export function wordOf(hash: Uint8Array, at: number): number {
  return hash[at]! | (hash[at + 1]! << 8) | (hash[at + 2]! << 16) | (hash[at + 3]! << 24);
}

function isBetter(a: FoundApiKey, b: FoundApiKey): boolean {
  return a.expiresAtMs === b.expiresAtMs ? a.name < b.name : a.expiresAtMs > b.expiresAtMs;
}
