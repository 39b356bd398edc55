import { type BucketPlan, type ClusterLimitPlan, type LimitKeyPart, type LimitPlan, memberOf } from '@sluice/engine';
import { namedFieldValue } from '../../http1/index.ts';
import {
  type CellKey,
  keyPartInto,
  LEASE_ADMITTED,
  LEASE_AWAY,
  LEASE_CELLS,
  LEASE_PENDING,
} from '../../shared/index.ts';
import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { awaitLease } from './lease-waits.ts';
import { leasedKeyText, leasedPart } from './leased-bucket.ts';
import { type LimitState, rateLimitPolicy } from './limit-state.ts';

/**
 * Charges the limits in order; the first that refuses answers the request. A request whose bucket of the cluster has no answer from the
 * store yet waits for it, and goes on here.
 */
export function checkLimits(x: Exchange, limits: readonly LimitState[]): boolean {
  let i = x.limitAt;
  x.limitAt = 0;
  for (; i < limits.length; i++) {
    const limit = limits[i] as LimitState;
    const { applies } = limit.plan;
    if (applies !== undefined && !applies(x.head.method, x.path)) continue;
    if (limit.plan.dryRunSlot !== undefined) {
      rehearseLimit(x, limit);
      continue;
    }
    const outcome = chargeLimit(x, limit);
    if (outcome === ADMITTED) continue;
    if (outcome === PENDING) {
      x.limitAt = i;
      awaitLease(x);
    } else if (outcome === UNDECIDED) {
      x.charges.refund(x.context.shared, x.startedUs);
      answerProblem(x, 'policy_unavailable', `The limit ${limit.plan.name} cannot be decided.`, 'retry-after: 1\r\n');
    } else {
      refuse(x, limit);
    }
    return true;
  }
  return false;
}

/** Decides and counts; the request goes on as if the limit were absent, and waits for no answer about a lease. */
function rehearseLimit(x: Exchange, limit: LimitState): void {
  const { rateLimit, rateLimitPolicy: policy } = x;
  if (chargeLimit(x, limit) === REFUSED) {
    x.context.shared.metrics.add(limit.refused);
    if (x.record !== null) x.record.noteDryRun('rateLimits');
  }
  x.rateLimit = rateLimit;
  x.rateLimitPolicy = policy;
}

const ADMITTED = 0;
const REFUSED = 1;
const UNDECIDED = 2;
const PENDING = 3;

function chargeLimit(x: Exchange, { plan, part, policy: ownPolicy }: LimitState): number {
  const key = x.charges.nextKey();
  key.begin(part);
  for (let i = 0; i < plan.by.length; i++) addPart(x, key, plan.by[i] as LimitKeyPart);
  const bucket = bucketFor(x, plan.name, plan.bucket);
  const { limiter, slidingWindows } = x.context.shared;
  if (plan.cluster !== undefined) return chargeLease(x, plan, plan.cluster, bucket, ownPolicy, key);
  if (bucket.algorithm === 'tokenBucket') {
    const admitted = limiter.charge(key, bucket.slot, bucket.gcra, x.startedUs, plan.cost);
    tell(x, plan, bucket, ownPolicy, limiter.remaining, limiter.resetMs);
    if (admitted) x.charges.add(bucket, false, limiter.cell, plan.cost);
    else x.retryAfterMs = limiter.retryAfterMs;
    return admitted ? ADMITTED : REFUSED;
  }
  const admitted = slidingWindows.charge(key, bucket.slot, bucket.window, x.startedUs, plan.cost);
  tell(x, plan, bucket, ownPolicy, slidingWindows.remaining, slidingWindows.resetMs);
  if (admitted) x.charges.add(bucket, false, slidingWindows.cell, plan.cost);
  else x.retryAfterMs = slidingWindows.retryAfterMs;
  return admitted ? ADMITTED : REFUSED;
}

/** Spends of the node's lease; what the store has no answer to yet is asked for. */
function chargeLease(
  x: Exchange,
  plan: LimitPlan,
  cluster: ClusterLimitPlan,
  bucket: BucketPlan,
  ownPolicy: string,
  key: CellKey,
): number {
  const { shared } = x.context;
  const { leases } = shared;
  key.add(leasedPart(bucket, cluster, shared.region.hashKey));
  const outcome = leases.charge(key, bucket.slot, plan.cost);
  if (outcome === LEASE_PENDING) {
    if (leases.unknown) {
      const isOverflow = leases.cell >= LEASE_CELLS;
      const text = leasedKeyText(plan, cluster, bucket, isOverflow ? 'overflow' : textOf(x, plan.by));
      shared.leaseCalls.put(leases.cell, key.lo, key.hi, text);
      shared.doorbells.ring(shared.region.writers - 1);
    }
    if (x.leaseWaited) return UNDECIDED;
    return PENDING;
  }
  if (outcome === LEASE_AWAY) return UNDECIDED;
  const capacity = bucket.algorithm === 'tokenBucket' ? bucket.gcra.burst : bucket.requests;
  const missing = capacity - leases.remaining;
  const resetMs = missing <= 0 ? 0 : (missing * bucket.perMs) / bucket.requests;
  tell(x, plan, bucket, ownPolicy, leases.remaining, resetMs);
  if (outcome === LEASE_ADMITTED) {
    x.charges.add(bucket, true, leases.cell, plan.cost);
    return ADMITTED;
  }
  x.retryAfterMs = leases.retryAfterMs;
  return REFUSED;
}

/** Whose bucket it is, in words that mean the same on every node. */
function textOf(x: Exchange, by: readonly LimitKeyPart[]): string {
  return by.map((part) => partText(x, part) ?? `clientIp ${x.client.peer.clientGroup(x.head, x.listener)}`).join('\0');
}

function partText(x: Exchange, part: LimitKeyPart): string | undefined {
  switch (part.kind) {
    case 'consumer':
      return worded('consumer', x.caller?.consumer?.name);
    case 'apiKey':
      return worded('apiKey', x.caller?.apiKey?.name);
    case 'clientIp':
      return undefined;
    case 'route':
      return `route ${x.plan.name}`;
    case 'service':
      return x.route.destinations.length === 0 ? undefined : `service ${x.destination.plan.service.name}`;
    case 'global':
      return 'global';
    case 'header':
      return worded('header', namedFieldValue(x.head, part.name));
    case 'claim':
      return worded('claim', claimText(x, part.name));
    default:
      return part satisfies never;
  }
}

function worded(kind: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `${kind} ${value}`;
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
  // Times are sums of fractions: a hair over a whole second is that second.
  const state = `"${plan.name}";r=${remaining};t=${Math.ceil((resetMs - 0.001) / 1000)}`;
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
  // What the earlier limits had taken is theirs again, and what was told of them no longer true.
  x.rateLimit = x.rateLimit.slice(x.rateLimit.lastIndexOf(', "') + 1).trimStart();
  x.rateLimitPolicy = x.rateLimitPolicy.slice(x.rateLimitPolicy.lastIndexOf(', "') + 1).trimStart();
  const retryAfter = Number.isFinite(retryAfterMs) ? `retry-after: ${Math.ceil(retryAfterMs / 1000)}\r\n` : '';
  answerProblem(x, 'rate_limited', `The limit ${limit.plan.name} is exceeded.`, retryAfter);
}
