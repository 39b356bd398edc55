import { type BucketPlan, type LimitKeyPart, type LimitPlan, memberOf } from '@sluice/engine';
import { namedFieldValue } from '../http1/index.ts';
import { type CellKey, keyPartInto } from '../shared/index.ts';
import { answerProblem } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { type LimitState, rateLimitPolicy } from './limit-state.ts';

/** Charges the limits in order; the first that refuses answers the request. */
export function checkLimits(x: Exchange, limits: readonly LimitState[]): boolean {
  for (let i = 0; i < limits.length; i++) {
    const limit = limits[i] as LimitState;
    const { applies } = limit.plan;
    if (applies !== undefined && !applies(x.head.method, x.path)) continue;
    if (!chargeLimit(x, limit)) {
      refuse(x, limit);
      return true;
    }
  }
  return false;
}

function chargeLimit(x: Exchange, { plan, part, policy: ownPolicy }: LimitState): boolean {
  const key = x.charges.nextKey();
  key.begin(part);
  for (let i = 0; i < plan.by.length; i++) addPart(x, key, plan.by[i] as LimitKeyPart);
  const bucket = bucketFor(x, plan.name, plan.bucket);
  const { limiter, slidingWindows } = x.context.shared;
  if (bucket.algorithm === 'tokenBucket') {
    const admitted = limiter.charge(key, bucket.slot, bucket.gcra, x.startedUs, plan.cost);
    tell(x, plan, bucket, ownPolicy, limiter.remaining, limiter.resetMs);
    if (admitted) x.charges.add(bucket, limiter.cell, plan.cost);
    else x.retryAfterMs = limiter.retryAfterMs;
    return admitted;
  }
  const admitted = slidingWindows.charge(key, bucket.slot, bucket.window, x.startedUs, plan.cost);
  tell(x, plan, bucket, ownPolicy, slidingWindows.remaining, slidingWindows.resetMs);
  if (admitted) x.charges.add(bucket, slidingWindows.cell, plan.cost);
  else x.retryAfterMs = slidingWindows.retryAfterMs;
  return admitted;
}

/** What the client is told of a limit (draft-ietf-httpapi-ratelimit-headers): what is left, and in how many seconds all is there again. */
function tell(
  x: Exchange,
  plan: LimitPlan,
  bucket: BucketPlan,
  ownPolicy: string,
  remaining: number,
  resetMs: number,
): void {
  const state = `"${plan.name}";r=${remaining};t=${Math.ceil(resetMs / 1000)}`;
  const policy = bucket === plan.bucket ? ownPolicy : rateLimitPolicy(plan.name, bucket);
  x.rateLimit = x.rateLimit === '' ? state : `${x.rateLimit}, ${state}`;
  x.rateLimitPolicy = x.rateLimitPolicy === '' ? policy : `${x.rateLimitPolicy}, ${policy}`;
}

/** ApiKey over Consumer over the limit's own. */
function bucketFor(x: Exchange, name: string, own: BucketPlan): BucketPlan {
  if (x.caller === null) return own;
  const { apiKey, consumer } = x.caller;
  return apiKey?.overrides?.get(name) ?? consumer?.overrides?.get(name) ?? own;
}

const textPart = { lo: 0, hi: 0 };

/** A part that the request lacks is the client's address. */
function addPart(x: Exchange, key: CellKey, part: LimitKeyPart): void {
  switch (part.kind) {
    case 'consumer':
      key.add(x.caller?.consumerPart ?? x.clientPart());
      break;
    case 'apiKey':
      key.add(x.caller?.apiKeyPart ?? x.clientPart());
      break;
    case 'clientIp':
      key.add(x.clientPart());
      break;
    case 'route':
      key.add(x.route.routePart);
      break;
    case 'service':
      key.add(x.route.destinations.length === 0 ? x.clientPart() : x.destination.servicePart);
      break;
    case 'global':
      break;
    case 'header': {
      const value = namedFieldValue(x.head, part.name);
      if (value === undefined) {
        key.add(x.clientPart());
      } else {
        keyPartInto(x.context.shared.region.hashKey, 'header', value, textPart);
        key.add(textPart);
      }
      break;
    }
    case 'claim': {
      const value = claimText(x, part.name);
      if (value === undefined) {
        key.add(x.clientPart());
      } else {
        keyPartInto(x.context.shared.region.hashKey, 'claim', value, textPart);
        key.add(textPart);
      }
      break;
    }
    default:
      part satisfies never;
  }
}

/** A claim that is a text, a number or a truth value; lists and objects tell no callers apart. */
function claimText(x: Exchange, name: string): string | undefined {
  const claims = x.caller?.claims ?? null;
  const value = claims === null ? undefined : memberOf(claims, name);
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function refuse(x: Exchange, limit: LimitState): void {
  const { shared } = x.context;
  const { retryAfterMs } = x;
  x.charges.refund(shared, x.startedUs);
  shared.metrics.add(limit.refused);
  const retryAfter = Number.isFinite(retryAfterMs) ? `retry-after: ${Math.ceil(retryAfterMs / 1000)}\r\n` : '';
  answerProblem(x, 'rate_limited', `The limit ${limit.plan.name} is exceeded.`, retryAfter);
}
