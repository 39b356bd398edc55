import { hash } from 'node:crypto';
import type { ApiKeyPlan, Tables } from '@sluice/engine';
import type { FieldText } from '../http1/index.ts';
import { type KeyPart, keyPart } from '../shared/index.ts';

/** Who a request comes from, as a valid credential says. */
export interface Caller {
  readonly apiKey: ApiKeyPlan;
  readonly consumerPart: KeyPart;
  readonly apiKeyPart: KeyPart;
  /** What upstreams are told. */
  readonly line: FieldText;
}

/** Longest key that is looked at. */
const MAX_KEY_LENGTH = 512;
const MAX_REMEMBERED = 16_384;

/** Finds callers by the key they present. Keys seen before cost one lookup until the tables change. */
export class Callers {
  readonly #tables: Tables;
  readonly #hashKey: readonly [number, number];
  readonly #remembered = new Map<string, Caller>();
  #epoch = -1;

  constructor(tables: Tables, hashKey: readonly [number, number]) {
    this.#tables = tables;
    this.#hashKey = hashKey;
  }

  /** The caller of a key that the tables know; its expiry is not looked at. */
  identify(key: string): Caller | undefined {
    if (this.#epoch !== this.#tables.epoch) {
      this.#epoch = this.#tables.epoch;
      this.#remembered.clear();
    }
    return this.#remembered.get(key) ?? this.#lookUp(key);
  }

  #lookUp(key: string): Caller | undefined {
    if (key.length === 0 || key.length > MAX_KEY_LENGTH) return undefined;
    const bytes = Buffer.from(key, 'latin1');
    const apiKey = this.#tables.identify(hash('sha256', bytes, 'hex'));
    if (apiKey === undefined) return undefined;
    const { consumer } = apiKey;
    const caller: Caller = {
      apiKey,
      consumerPart: keyPart(this.#hashKey, 'consumer', consumer.name),
      apiKeyPart: keyPart(this.#hashKey, 'apiKey', apiKey.name),
      line: `x-consumer: ${consumer.name}\r\n` as FieldText,
    };
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear();
    // A copy of the text: a slice would keep the whole head it was cut from.
    this.#remembered.set(bytes.toString('latin1'), caller);
    return caller;
  }
}
