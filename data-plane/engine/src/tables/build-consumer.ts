import type { Consumer, RateLimitOverride } from '@sluice/proto';
import { buildBucket } from './build-limit.ts';
import type { SlotSource } from './built-item.ts';
import type { ConsumerPlan } from './caller-plan.ts';
import type { BucketPlan } from './limit-plan.ts';

export interface BuiltConsumer {
  readonly kind: 'Consumer';
  readonly name: string;
  readonly plan: ConsumerPlan;
}

export function buildConsumer(name: string, consumer: Consumer, slots: SlotSource): BuiltConsumer {
  return {
    kind: 'Consumer',
    name,
    plan: {
      name,
      scopes: new Set(consumer.scopes),
      groups: new Set(consumer.groups),
      overrides: buildOverrides(`Consumer/${name}`, consumer.rateLimits, slots),
    },
  };
}

/**
 * Buckets by the name of the limit they replace; undefined where there are none.
 * @param owner `Consumer/NAME` or `ApiKey/NAME`
 */
export function buildOverrides(
  owner: string,
  overrides: readonly RateLimitOverride[],
  slots: SlotSource,
): ReadonlyMap<string, BucketPlan> | undefined {
  if (overrides.length === 0) return undefined;
  return new Map(
    overrides.map((override) => [override.name, buildBucket(`${owner}/${override.name}`, override, slots)]),
  );
}
