import { backoffMs, OPEN, type RetryPlan, retryAfterMs, retryWaitMs } from '@sluice/engine';
import { fieldValue, HeaderId, type ResponseHead } from '../../http1/index.ts';
import { FAILURE } from '../../shared/index.ts';
import { answerProblem } from '../answer.ts';
import { serveOnError } from '../cache/cache-errors.ts';
import { armTimer } from '../deadlines.ts';
import type { Exchange } from '../exchange.ts';
import { abortByFault } from '../faults.ts';
import { hasFallback } from './fallback.ts';
import { mayRepeat } from './may-repeat.ts';
import { serveFallback, startTry } from './start-try.ts';
import { detachUpstream, endTry, outcomeOf, reportTry } from './try.ts';
import { isRetried, TIMED_OUT, type TryFailure } from './try-failure.ts';

/** A try without an answer: another one follows, or the client is told. */
export function failTry(x: Exchange, failure: TryFailure): void {
  detachUpstream(x)?.destroy();
  x.failedSlot = x.endpointSlot;
  if (x.record !== null) x.record.failTry(failure.code);
  endTry(x, FAILURE);
  if (x.state === 'responding') {
    x.broken(502);
    return;
  }
  const { retry } = x.destination.plan;
  if (retry !== undefined && isRetried(failure, retry, mayRepeat(x, retry)) && pauseForRetry(x, retry, 0)) return;
  if (x.cache !== null && serveOnError(x)) return;
  if (x.fallbackAt < x.fallbacks.length && fallsBackAfter(x, failure)) serveFallback(x);
  else answerProblem(x, failure.code, undefined, '', failure.proxyStatus);
}

/** Whether an answer with this status, which is tried no more, is thrown away for what is to be served instead. */
export function fallsBackFrom(x: Exchange, status: number): boolean {
  return x.destination.plan.fallbackOn.statuses.has(status) && hasFallback(x, true);
}

/** A failure that is a condition of retries, whatever the method; and a request whose whole time is over, where timeouts are one. */
function fallsBackAfter(x: Exchange, failure: TryFailure): boolean {
  const { fallbackOn } = x.destination.plan;
  const condition = failure === TIMED_OUT ? 'onTimeout' : failure.condition;
  return condition !== null && fallbackOn[condition] && hasFallback(x, condition !== 'onConnectFailure');
}

/**
 * Whether an answer with this head is thrown away for another try; if so, that try is on its way. It waits for as long as the answer's
 * Retry-After asks; where that is longer than the request has, the answer stands.
 */
export function retriesAnswer(x: Exchange, head: ResponseHead): boolean {
  const { status } = head;
  const { retry, service } = x.destination.plan;
  if (retry === undefined || !retry.statuses.has(status) || !mayRepeat(x, retry)) return false;
  const { nowMs, shared } = x.context;
  reportTry(x, outcomeOf(status));
  // An answer in the hand is better than circuit_open.
  if (service.breaker !== undefined && shared.breakers.view(service.slot, nowMs).state === OPEN) return false;
  const asked = fieldValue(head, HeaderId.retryAfter);
  return pauseForRetry(x, retry, asked === undefined ? 0 : (retryAfterMs(asked, Date.now()) ?? 0));
}

/** The pause is over: before another try, or before the first of a request that a rehearsed failure delays. */
export function goOn(x: Exchange): void {
  const { metrics } = x.context.shared;
  if (x.retries > 0) metrics.add(x.destination.service.retries);
  else if (abortByFault(x)) return;
  startTry(x);
}

/** True: another try follows after a pause of at least `askedMs`. */
function pauseForRetry(x: Exchange, retry: RetryPlan, askedMs: number): boolean {
  const { nowMs } = x.context;
  if (x.retries >= retry.attempts || !x.replayable) return false;
  const pauseMs = backoffMs(x.retries, { baseMs: retry.backoffBaseMs, maxMs: retry.backoffMaxMs }, Math.random);
  const waitMs = retryWaitMs(pauseMs, askedMs, Math.min(x.headDeadlineMs, x.endDeadlineMs) - nowMs);
  if (waitMs === undefined) return false;
  if (!x.context.shared.retryBudgets.tryRetry(x.destination.plan.service.slot, retry.budgetPercent, nowMs))
    return false;
  x.retries++;
  x.resumeAtMs = nowMs + waitMs;
  x.state = 'pausing';
  x.unblockUpload();
  armTimer(x);
  return true;
}
