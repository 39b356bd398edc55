import type { ApiKey } from '@sluice/proto';
import { buildOverrides } from './build-consumer.ts';
import type { SlotSource } from './built-item.ts';
import type { ApiKeyPlan } from './caller-plan.ts';

/** An API key as nodes look it up; one that is disabled has no secrets. */
export interface BuiltApiKey {
  readonly kind: 'ApiKey';
  readonly name: string;
  readonly consumer: string;
  readonly secrets: readonly {
    /** SHA-256 in lower-case hex. */ readonly hash: string;
    readonly expiresAtMs: number;
  }[];
  readonly overrides: ApiKeyPlan['overrides'];
}

export function buildApiKey(name: string, key: ApiKey, slots: SlotSource): BuiltApiKey {
  return {
    kind: 'ApiKey',
    name,
    consumer: key.consumer,
    secrets: key.enabled ? secretsOf(key) : [],
    overrides: buildOverrides(`ApiKey/${name}`, key.rateLimits, slots),
  };
}

function secretsOf(key: ApiKey): BuiltApiKey['secrets'] {
  const expiresAtMs = timestampMs(key.expiresAt);
  const current = { hash: Buffer.from(key.hash).toString('hex'), expiresAtMs };
  if (key.previousHash.length === 0) return [current];
  const graceEndsMs = Math.min(expiresAtMs, timestampMs(key.previousExpiresAt));
  return [current, { hash: Buffer.from(key.previousHash).toString('hex'), expiresAtMs: graceEndsMs }];
}

function timestampMs(timestamp: ApiKey['expiresAt']): number {
  return timestamp === undefined ? Number.POSITIVE_INFINITY : Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6;
}
