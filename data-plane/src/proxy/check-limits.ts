import type { BucketPlan, LimitKeyPart } from '@sluice/engine';
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
  const { limiter } = x.context.shared;
  const key = x.charges.nextKey();
  key.begin(part);
  for (let i = 0; i < plan.by.length; i++) addPart(x, key, plan.by[i] as LimitKeyPart);
  const bucket = bucketFor(x, plan.name, plan.bucket);
  const admitted = limiter.charge(key, bucket.slot, bucket.gcra, x.startedUs, plan.cost);
  const seconds = Math.ceil(limiter.resetMs / 1000);
  const state = `"${plan.name}";r=${limiter.remaining};t=${seconds}`;
  const policy = bucket === plan.bucket ? ownPolicy : rateLimitPolicy(plan.name, bucket);
  x.rateLimit = x.rateLimit === '' ? state : `${x.rateLimit}, ${state}`;
  x.rateLimitPolicy = x.rateLimitPolicy === '' ? policy : `${x.rateLimitPolicy}, ${policy}`;
  if (!admitted) return false;
  x.charges.add(bucket.slot, bucket.gcra, limiter.cell, plan.cost);
  return true;
}

/** ApiKey over Consumer over the limit's own. */
function bucketFor(x: Exchange, name: string, own: BucketPlan): BucketPlan {
  if (x.caller === null) return own;
  const { apiKey } = x.caller;
  return apiKey.overrides?.get(name) ?? apiKey.consumer.overrides?.get(name) ?? own;
}

const headerPart = { lo: 0, hi: 0 };

/** A part that the request lacks is the client's address. */
function addPart(x: Exchange, key: CellKey, part: LimitKeyPart): void {
  switch (part.kind) {
    case 'consumer':
      key.add(x.caller === null ? x.clientPart() : x.caller.consumerPart);
      break;
    case 'apiKey':
      key.add(x.caller === null ? x.clientPart() : x.caller.apiKeyPart);
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
        keyPartInto(x.context.shared.region.hashKey, 'header', value, headerPart);
        key.add(headerPart);
      }
      break;
    }
    default:
      part satisfies never;
  }
}

function refuse(x: Exchange, limit: LimitState): void {
  const { limiter, metrics } = x.context.shared;
  const waitMs = limiter.retryAfterMs;
  x.charges.refund(limiter);
  metrics.add(limit.refused);
  const retryAfter = Number.isFinite(waitMs) ? `retry-after: ${Math.ceil(waitMs / 1000)}\r\n` : '';
  answerProblem(x, 'rate_limited', `The limit ${limit.plan.name} is exceeded.`, retryAfter);
}
