import { ABORTED, REFUSED } from '../shared/index.ts';
import { answerProblem } from './answer.ts';
import { takePlace } from './concurrent-requests.ts';
import type { Exchange } from './exchange.ts';
import { hasFallback, serveFallback } from './fallback.ts';
import { delayByFault } from './faults.ts';
import { hashRequest } from './hash-request.ts';
import { recordBody } from './held-body.ts';
import { acquireConnection } from './send-request.ts';
import { endTry } from './try.ts';
import { SAFE_METHODS } from './try-failure.ts';
import { upstreamHead } from './upstream-request.ts';

/** The last phase: sends the request on its way. */
export function forward(x: Exchange): boolean {
  const { route, body } = x;
  const { plan } = x.destination;
  x.takeArrived();
  if (body.refusal !== null) {
    answerProblem(x, 'bad_request', body.refusal.detail);
    return true;
  }
  if (body.payloadBytes > route.bodyBytes) {
    answerProblem(x, 'body_too_large');
    return true;
  }
  const head = upstreamHead(x);
  if (head === undefined) {
    answerProblem(x, 'bad_request', 'The request cannot be rewritten into a valid one.');
    return true;
  }
  if (plan.service.maxConcurrentRequests > 0 && !takePlace(x)) return true;
  const nowMs = x.startedUs / 1000;
  x.headText = head;
  x.headDeadlineMs = nowMs + plan.timeoutMs;
  x.endDeadlineMs = plan.maxDurationMs === 0 ? Number.POSITIVE_INFINITY : nowMs + plan.maxDurationMs;
  x.lastBodyMs = x.lastByteMs = nowMs;
  x.interims = 0;
  x.fallbacks = x.destination.fallbacks;
  x.fallbackAt = 0;
  x.replayable = plan.retry !== undefined || x.fallbacks.length > 0 || SAFE_METHODS.has(x.head.method);
  x.replayBytes = 0;
  recordBody(x, body.bytes);
  x.context.shared.retryBudgets.countRequest(plan.service.slot, nowMs);
  x.continueDue = x.head.expectContinue && !body.received;
  if (!delayByFault(x)) startTry(x);
  return true;
}

/** Breaker, balancer, connection, and the request is written. */
export function startTry(x: Exchange): void {
  const { context } = x;
  const { plan, service } = x.destination;
  const { breakers, columns } = context.shared;
  const { breaker, slot } = plan.service;
  const { nowMs } = context;
  if (breaker !== undefined) {
    const token = breakers.admit(slot, breaker, nowMs);
    if (token === REFUSED) {
      if (hasFallback(x, false)) serveFallback(x);
      else answerProblem(x, 'circuit_open', undefined, retryAfter(breakers.retryAfterMs));
      return;
    }
    x.breakerToken = token;
  }
  const { balancer } = plan.service;
  const hash = balancer.kind === 'consistentHash' ? hashRequest(x, balancer.by) : 0;
  const endpoint = service.choice.pick(x.failedSlot, hash, nowMs);
  if (endpoint === undefined) {
    endTry(x, ABORTED);
    if (hasFallback(x, false)) serveFallback(x);
    else answerProblem(x, 'no_healthy_endpoint', undefined, retryAfter(1000));
    return;
  }
  columns.inFlight.add(endpoint.slot, 1);
  x.endpointSlot = endpoint.slot;
  acquireConnection(x, endpoint, x.webSocketKey !== '');
}

function retryAfter(ms: number): string {
  return `retry-after: ${Math.ceil(ms / 1000)}\r\n`;
}
