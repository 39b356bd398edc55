import { type RateLimit, type RateLimitMatch, RateLimitScope, type TokenBucket } from '@sluice/proto';
import { gcraPlan } from '../decide/gcra.ts';
import type { SlotSource } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import { compilePathCondition } from './path-condition.ts';
import type { BucketPlan, LimitKeyPart, LimitPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';

/** @param owner `Policy/NAME` or `Route/NAME`: whose buckets they are */
export function buildLimits(owner: string, limits: readonly RateLimit[], slots: SlotSource): readonly LimitPlan[] {
  return limits.map((limit) => {
    if (limit.algorithm.case !== 'tokenBucket') throw new CannotBuild(`the limit ${limit.name} has no token bucket`);
    if (limit.scope > RateLimitScope.NODE) throw new CannotBuild(`the limit ${limit.name} is for more than a node`);
    const bucket = buildBucket(`${owner}/${limit.name}`, limit.algorithm.value, slots);
    return {
      name: limit.name,
      id: bucket.id,
      slot: bucket.slot,
      by: limit.by.length === 0 ? [{ kind: 'global' }] : limit.by.map(readKeyPart),
      bucket,
      cost: limit.cost ?? 1,
      applies: limit.match && compileLimitMatch(limit.match),
    };
  });
}

export function buildBucket(id: string, { requests, per, burst }: TokenBucket, slots: SlotSource): BucketPlan {
  const perMs = durationMs(per, undefined);
  if (perMs === undefined || perMs <= 0 || requests < 1) throw new CannotBuild('a token bucket needs requests and per');
  return { id, slot: slots.limit(id), gcra: gcraPlan(requests, perMs, burst ?? requests), requests, perMs };
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
