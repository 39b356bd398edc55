import { type RateLimit, RateLimitFail, type RateLimitOverride, RateLimitScope } from '@sluice/proto';
import { parsePath } from '../../router/parse-path.ts';
import { toPathPattern } from '../matchable-route.ts';
import type { Report } from '../problem.ts';
import { isConsumerHeader, isFramingHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** Limits and overrides have names of their own, a bucket holds what a request costs, and `by` names parts that tell callers apart. */
export const checkRateLimits: Rule = ({ spec }, report) => {
  if (spec.case === 'consumer') reportRepeatedNames(spec.value.rateLimits, report);
  if (spec.case !== 'policy' && spec.case !== 'route') return;
  const { rateLimits } = spec.value;
  reportRepeatedNames(rateLimits, report);
  rateLimits.forEach((limit, i) => {
    checkLimit(limit, `spec.rateLimits[${i}]`, report);
  });
};

/** The most a limit admits at once, and the field that says so. Undefined where it has no algorithm. */
export function capacityOf({ algorithm }: Pick<RateLimit | RateLimitOverride, 'algorithm'>) {
  switch (algorithm.case) {
    case 'tokenBucket': {
      const { burst, requests } = algorithm.value;
      return burst === undefined
        ? { tokens: requests, field: 'tokenBucket.requests' }
        : { tokens: burst, field: 'tokenBucket.burst' };
    }
    case 'slidingWindow':
      return { tokens: algorithm.value.requests, field: 'slidingWindow.requests' };
    case undefined:
      return undefined;
    default:
      return algorithm satisfies never;
  }
}

function reportRepeatedNames(limits: readonly { readonly name: string }[], report: Report): void {
  const first = new Map<string, number>();
  limits.forEach(({ name }, i) => {
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, i);
    else
      report({ field: `spec.rateLimits[${i}].name`, message: `"${name}" is the name of rateLimits[${earlier}] too` });
  });
}

function checkLimit(limit: RateLimit, field: string, report: Report): void {
  const capacity = capacityOf(limit);
  const cost = limit.cost ?? 1;
  if (capacity !== undefined && capacity.tokens >= 1 && capacity.tokens < cost) {
    report({
      field: `${field}.cost`,
      message: `${cost} is more than the limit ever holds (${capacity.field} is ${capacity.tokens}): no request would pass`,
    });
  }
  if (limit.fail === RateLimitFail.CLOSED && limit.scope !== RateLimitScope.CLUSTER) {
    report({
      severity: 'warning',
      field: `${field}.fail`,
      message: 'has no effect without scope: cluster, because nothing can be away',
    });
  }
  checkBy(limit.by, `${field}.by`, report);
  const pattern = toPathPattern(limit.match?.path);
  const path = pattern === undefined ? undefined : parsePath(pattern);
  if (typeof path === 'string') report({ field: `${field}.match.path.${pattern?.kind}`, message: path });
}

function checkBy(by: readonly string[], field: string, report: Report): void {
  const seen = new Map<string, string>();
  by.forEach((part, i) => {
    const at = `${field}[${i}]`;
    if (part === 'global' && by.length > 1) {
      report({ field: at, message: 'global is one bucket for all and cannot be combined', remedy: 'remove it' });
    }
    if (!part.startsWith('header:')) return;
    const header = part.slice('header:'.length);
    const lower = header.toLowerCase();
    const earlier = seen.get(lower);
    if (earlier !== undefined) report({ field: at, message: `${part} is there as ${earlier} already` });
    seen.set(lower, part);
    if (isFramingHeader(header)) report({ field: at, message: `${header} does not tell callers apart` });
    if (isConsumerHeader(header)) {
      report({ field: at, message: `${header} is what the client says, of whom it likes`, remedy: 'use consumer' });
    }
  });
}
