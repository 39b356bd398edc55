import type { BuiltApiKey } from './build-api-key.ts';
import type { ApiKeyPlan, ConsumerPlan } from './caller-plan.ts';

/** API keys by what their secrets hash to. Costs one lookup of the key as it is written, where a worker has seen it since the last change; else a SHA-256 and another lookup. */
export class ApiKeyTable {
  /** Of keys that share a secret, the one that is good for longest is first. */
  readonly #byHash = new Map<string, readonly KeyEntry[]>();
  /** The hashes of each key, by its name. */
  readonly #hashes = new Map<string, readonly string[]>();

  /** The key whose secret has this SHA-256, and whose consumer is among these, which stay as they are for an epoch. */
  identify(secretHash: string, consumers: ReadonlyMap<string, ConsumerPlan>, epoch: number): ApiKeyPlan | undefined {
    const entry = this.#byHash.get(secretHash)?.[0];
    if (entry === undefined) return undefined;
    if (entry.epoch !== epoch) {
      const consumer = consumers.get(entry.consumer);
      entry.plan = consumer && {
        name: entry.name,
        consumer,
        expiresAtMs: entry.expiresAtMs,
        overrides: entry.overrides,
      };
      entry.epoch = epoch;
    }
    return entry.plan;
  }

  put({ name, consumer, secrets, overrides }: BuiltApiKey): void {
    this.remove(name);
    for (const { hash, expiresAtMs } of secrets) {
      const entry = { name, consumer, expiresAtMs, overrides, plan: undefined, epoch: 0 };
      this.#byHash.set(hash, [entry, ...(this.#byHash.get(hash) ?? [])].sort(compareKeys));
    }
    this.#hashes.set(
      name,
      secrets.map(({ hash }) => hash),
    );
  }

  remove(name: string): void {
    for (const hash of this.#hashes.get(name) ?? []) {
      const others = this.#byHash.get(hash)?.filter((entry) => entry.name !== name) ?? [];
      if (others.length === 0) this.#byHash.delete(hash);
      else this.#byHash.set(hash, others);
    }
    this.#hashes.delete(name);
  }
}

interface KeyEntry {
  readonly name: string;
  readonly consumer: string;
  readonly expiresAtMs: number;
  readonly overrides: ApiKeyPlan['overrides'];
  plan: ApiKeyPlan | undefined;
  epoch: number;
}

function compareKeys(a: KeyEntry, b: KeyEntry): number {
  if (a.expiresAtMs !== b.expiresAtMs) return a.expiresAtMs > b.expiresAtMs ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
