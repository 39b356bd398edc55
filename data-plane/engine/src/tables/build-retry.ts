import { create } from '@bufbuild/protobuf';
import { type Retry, RetrySchema } from '@sluice/proto';
import { durationMs, sizeBytes } from './read-duration.ts';
import type { RetryPlan } from './service-plan.ts';

const DEFAULT_CONDITIONS = ['connect-failure', 'reset', '502', '503', '504'];
/** A try that took too long is answered with 504 where nothing else is done: who retries that status means it, too. */
const TIMEOUT_CONDITIONS = ['timeout', '504', '5xx'];
/** Methods that mean the same when sent twice (RFC 9110, 9.2.2). */
const IDEMPOTENT_METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];

/** Costs a copy of the body, up to `bufferBytes`, and one atomic count of requests, until a try fails. */
export function buildRetry(retry: Retry): RetryPlan {
  const on = new Set(retry.on.length === 0 ? DEFAULT_CONDITIONS : retry.on);
  return {
    attempts: retry.attempts ?? 1,
    onConnectFailure: on.has('connect-failure'),
    onReset: on.has('reset'),
    onTimeout: TIMEOUT_CONDITIONS.some((condition) => on.has(condition)),
    statuses: statusesOf(on),
    perTryTimeoutMs: durationMs(retry.perTryTimeout, 0),
    backoffBaseMs: durationMs(retry.backoff?.base, 25),
    backoffMaxMs: durationMs(retry.backoff?.max, 1_000),
    budgetPercent: retry.budgetPercent ?? 20,
    methods: new Set(retry.methods.length === 0 ? IDEMPOTENT_METHODS : retry.methods),
    idempotencyKey: retry.methods.length === 0,
    bufferBytes: sizeBytes(retry.bufferBytes, 65_536),
  };
}

/** What counts as a try that may be made again where nothing is said about it. */
export const DEFAULT_RETRY: RetryPlan = buildRetry(create(RetrySchema));

function statusesOf(conditions: ReadonlySet<string>): ReadonlySet<number> {
  const statuses = new Set<number>();
  for (const condition of conditions) {
    if (condition === '5xx') for (let status = 500; status <= 599; status++) statuses.add(status);
    else if (/^\d{3}$/.test(condition)) statuses.add(Number(condition));
  }
  return statuses;
}
