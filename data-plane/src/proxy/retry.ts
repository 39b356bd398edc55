import { backoffMs, OPEN, type RetryPlan } from '@sluice/engine';
import { fieldValue, HeaderId } from '../http1/index.ts';
import { FAILURE } from '../shared/index.ts';
import { answerProblem } from './answer.ts';
import { armTimer } from './deadlines.ts';
import type { Exchange } from './exchange.ts';
import { abortByFault } from './faults.ts';
import { startTry } from './forward.ts';
import { detachUpstream, endTry, outcomeOf, reportTry } from './try.ts';
import { isRetried, type TryFailure } from './try-failure.ts';

/** A try without an answer: another one follows, or the client is told. */
export function failTry(x: Exchange, failure: TryFailure): void {
  detachUpstream(x)?.destroy();
  x.failedSlot = x.endpointSlot;
  endTry(x, FAILURE);
  if (x.state === 'responding') {
    x.broken(502);
    return;
  }
  const { retry } = x.destination.plan;
  if (retry !== undefined && isRetried(failure, retry, mayRepeat(x, retry)) && pauseForRetry(x, retry)) return;
  answerProblem(x, failure.code, undefined, '', failure.proxyStatus);
}

/** Whether an answer with this status is thrown away for another try; if so, that try is on its way. */
export function retriesStatus(x: Exchange, status: number): boolean {
  const { retry, service } = x.destination.plan;
  if (retry === undefined || !retry.statuses.has(status) || !mayRepeat(x, retry)) return false;
  const { nowMs, shared } = x.context;
  reportTry(x, outcomeOf(status));
  // An answer in the hand is better than circuit_open.
  if (service.breaker !== undefined && shared.breakers.view(service.slot, nowMs).state === OPEN) return false;
  return pauseForRetry(x, retry);
}

/** The pause is over: before another try, or before the first of a request that a rehearsed failure delays. */
export function goOn(x: Exchange): void {
  const { metrics } = x.context.shared;
  if (x.retries > 0) metrics.add(x.destination.service.retries);
  else if (abortByFault(x)) return;
  startTry(x);
}

/** True: another try follows after a pause. */
function pauseForRetry(x: Exchange, retry: RetryPlan): boolean {
  const { nowMs } = x.context;
  if (x.retries >= retry.attempts || !x.replayable) return false;
  const waitMs = backoffMs(x.retries, { baseMs: retry.backoffBaseMs, maxMs: retry.backoffMaxMs }, Math.random);
  if (nowMs + waitMs >= x.headDeadlineMs) return false;
  if (!x.context.shared.retryBudgets.tryRetry(x.destination.plan.service.slot, retry.budgetPercent, nowMs))
    return false;
  x.retries++;
  x.resumeAtMs = nowMs + waitMs;
  x.state = 'pausing';
  x.unblockUpload();
  armTimer(x);
  return true;
}

function mayRepeat({ head }: Exchange, retry: RetryPlan): boolean {
  return (
    retry.methods.has(head.method) || (retry.idempotencyKey && fieldValue(head, HeaderId.idempotencyKey) !== undefined)
  );
}
