import { hash } from 'node:crypto';
import type { BucketPlan, ClusterLimitPlan, LimitPlan } from '@sluice/engine';
import { type KeyPart, keyPart } from '../../shared/index.ts';
import { cellsOf } from './limit-state.ts';

const parts = new WeakMap<BucketPlan, KeyPart>();

/** A limit that is changed gets another lease, on the same bucket. */
export function leasedPart(
  bucket: BucketPlan,
  { failOpen }: ClusterLimitPlan,
  hashKey: readonly [number, number],
): KeyPart {
  let part = parts.get(bucket);
  if (part === undefined) {
    part = keyPart(hashKey, 'limit', `${bucket.id} ${numbersOf(bucket).join(' ')} ${failOpen}`);
    parts.set(bucket, part);
  }
  return part;
}

/** What the main thread has to know of a bucket to lease of it: `LeasedKey` in JSON. `whose` is told apart by its digest alone. */
export function leasedKeyText(
  plan: LimitPlan,
  { failOpen }: ClusterLimitPlan,
  bucket: BucketPlan,
  whose: string,
): string {
  const { algorithm } = bucket;
  const [requests, perMs, burst] = numbersOf(bucket);
  const { cost } = plan;
  const key = `${cellsOf(plan)}:${algorithm}:${hash('sha256', whose, 'hex').slice(0, 32)}`;
  return JSON.stringify({ key, algorithm, requests, perMs, burst, cost, failOpen });
}

function numbersOf(bucket: BucketPlan): readonly [requests: number, perMs: number, burst: number] {
  const { requests, perMs } = bucket;
  return [requests, perMs, bucket.algorithm === 'tokenBucket' ? bucket.gcra.burst : requests];
}
