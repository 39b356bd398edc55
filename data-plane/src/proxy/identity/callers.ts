import { hash } from 'node:crypto';
import { type ApiKeyPlan, hashTail, type Tables, TextTable } from '@sluice/engine';
import { detached } from '../../http1/index.ts';
import { keyPart } from '../../shared/index.ts';
import type { Caller } from './caller.ts';
import type { KnownConsumers } from './known-consumers.ts';

/** Who presents an API key. */
export interface KeyCaller extends Caller {
  readonly apiKey: ApiKeyPlan;
  /** SHA-256 of what is presented: finds what the tables say of it later. */
  readonly secretHash: Uint8Array;
}

export function isKeyCaller(caller: Caller): caller is KeyCaller {
  return caller.apiKey !== null;
}

/** Longest key that is looked at. */
const MAX_KEY_LENGTH = 512;
const MAX_REMEMBERED = 16_384;

/** Finds callers by the key they present. Keys seen before cost one lookup until the tables change. */
export class Callers {
  readonly #tables: Tables;
  readonly #hashKey: readonly [number, number];
  readonly #consumers: KnownConsumers;
  #remembered = new TextTable<KeyCaller>(hashTail);
  #epoch = -1;

  constructor(tables: Tables, hashKey: readonly [number, number], consumers: KnownConsumers) {
    this.#tables = tables;
    this.#hashKey = hashKey;
    this.#consumers = consumers;
  }

  /** The caller of a key that the tables know; its expiry is not looked at. */
  identify(key: string): KeyCaller | undefined {
    if (this.#epoch !== this.#tables.epoch) {
      this.#epoch = this.#tables.epoch;
      this.#remembered = new TextTable(hashTail);
    }
    return this.#remembered.get(key) ?? this.#lookUp(key);
  }

  #lookUp(key: string): KeyCaller | undefined {
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) return undefined;
    const secretHash = hash('sha256', Buffer.from(key, 'latin1'), 'buffer');
    const apiKey = this.#tables.identify(secretHash);
    if (apiKey === undefined) return undefined;
    const { plan, part, line } = this.#consumers.of(apiKey.consumer);
    const apiKeyPart = keyPart(this.#hashKey, 'apiKey', apiKey.name);
    const { scopes, groups } = plan;
    const entitlements = { scopes, groups, claims: null };
    const caller = { consumer: plan, apiKey, secretHash, consumerPart: part, apiKeyPart, line, ...entitlements };
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered = new TextTable(hashTail);
    this.#remembered.set(detached(key), caller);
    return caller;
  }
}
