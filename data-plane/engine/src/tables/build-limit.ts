import {
  type RateLimit,
  RateLimitFail,
  type RateLimitMatch,
  type RateLimitOverride,
  RateLimitScope,
} from '@sluice/proto';
import { gcraPlan } from '../decide/gcra.ts';
import { windowPlan } from '../decide/sliding-window.ts';
import type { SlotSource } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { BucketPlan, LimitKeyPart, LimitPlan } from './limit-plan.ts';
import { compilePathCondition } from './path-condition.ts';
import { durationMs } from './read-duration.ts';

/** @param owner `Policy/NAME` or `Route/NAME`: whose buckets they are */
export function buildLimits(owner: string, limits: readonly RateLimit[], slots: SlotSource): readonly LimitPlan[] {
  return limits.map((limit) => {
    if (limit.scope > RateLimitScope.CLUSTER)
      throw new CannotBuild(`the scope of the limit ${limit.name} is not known`);
    if (limit.fail > RateLimitFail.CLOSED) throw new CannotBuild(`what the limit ${limit.name} fails to is not known`);
    const bucket = buildBucket(`${owner}/${limit.name}`, limit, slots);
    return {
      name: limit.name,
      id: bucket.id,
      slot: bucket.slot,
      by: limit.by.length === 0 ? [{ kind: 'global' }] : limit.by.map(readKeyPart),
      bucket,
      dryRunSlot: undefined,
      cluster: limit.scope === RateLimitScope.CLUSTER ? { failOpen: limit.fail !== RateLimitFail.CLOSED } : undefined,
      cost: limit.cost ?? 1,
      applies: limit.match && compileLimitMatch(limit.match),
    };
  });
}

/** How a limit or an override counts. */
export function buildBucket(
  id: string,
  { name, algorithm }: Pick<RateLimit | RateLimitOverride, 'name' | 'algorithm'>,
  slots: SlotSource,
): BucketPlan {
  if (algorithm.case === undefined) throw new CannotBuild(`the limit ${name} has no algorithm`);
  const { requests, per } = algorithm.value;
  const perMs = durationMs(per, undefined);
  if (perMs === undefined || perMs <= 0 || requests < 1)
    throw new CannotBuild(`the limit ${name} needs requests and per`);
  const numbers = { id, slot: slots.limit(id), requests, perMs };
  switch (algorithm.case) {
    case 'tokenBucket':
      return {
        ...numbers,
        algorithm: 'tokenBucket',
        gcra: gcraPlan(requests, perMs, algorithm.value.burst ?? requests),
      };
    case 'slidingWindow':
      return { ...numbers, algorithm: 'slidingWindow', window: windowPlan(requests, perMs) };
    default:
      return algorithm satisfies never;
  }
}

/** Whether a limit decides by nothing but the client's address, so that it can be checked before anything else is known. */
export function isByAddressAlone({ by }: LimitPlan): boolean {
  return by.length === 1 && by[0]!.kind === 'clientIp';
}

function readKeyPart(text: string): LimitKeyPart {
  switch (text) {
    case 'consumer':
    case 'apiKey':
    case 'clientIp':
    case 'route':
    case 'service':
    case 'global':
      return { kind: text };
    default:
      if (text.startsWith('claim:')) return { kind: 'claim', name: text.slice('claim:'.length) };
      if (text.startsWith('header:')) return { kind: 'header', name: text.slice('header:'.length).toLowerCase() };
      throw new CannotBuild(`limits by ${text} are not known to this version`);
  }
}

function compileLimitMatch(match: RateLimitMatch): (method: string, path: string) => boolean {
  const pathHolds = match.path && compilePathCondition(match.path);
  const methods = match.methods.length === 0 ? undefined : new Set(match.methods);
  if (methods?.has('GET')) methods.add('HEAD');
  return (method, path) =>
    (methods === undefined || methods.has(method)) && (pathHolds === undefined || pathHolds(path));
}
