import { ABORTED, REFUSED } from '../../shared/index.ts';
import { answerConfigured, answerProblem } from '../answer.ts';
import { serveOnError, serveStale } from '../cache/cache-errors.ts';
import type { Exchange } from '../exchange.ts';
import { leavePlace, takePlace } from './concurrent-requests.ts';
import type { FallbackState } from './destination-state.ts';
import { hasFallback } from './fallback.ts';
import { hashRequest } from './hash-request.ts';
import { acquireConnection } from './send-request.ts';
import { endTry } from './try.ts';

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
      if (x.cache !== null && serveOnError(x)) return;
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
    if (x.cache !== null && serveOnError(x)) return;
    if (hasFallback(x, false)) serveFallback(x);
    else answerProblem(x, 'no_healthy_endpoint', undefined, retryAfter(1000));
    return;
  }
  columns.inFlight.add(endpoint.slot, 1);
  x.endpointSlot = endpoint.slot;
  acquireConnection(x, endpoint, x.webSocketKey !== '');
}

/** Serves what `hasFallback` found. Nothing of the try before is left. */
export function serveFallback(x: Exchange): void {
  const fallback = x.fallbacks[x.fallbackAt++] as FallbackState;
  x.context.shared.metrics.add(fallback.uses);
  if (x.record !== null) x.record.fallback = fallback.kind;
  switch (fallback.kind) {
    case 'response': {
      const { status, lines, body } = fallback.response;
      answerConfigured(x, status, lines, body);
      break;
    }
    case 'staleCache':
      serveStale(x);
      break;
    case 'service':
      goTo(x, fallback.destination);
      break;
    default:
      fallback satisfies never;
  }
}

/** From here on it is a request of the other service, within the time that is left of the first. */
function goTo(x: Exchange, destination: Exchange['destination']): void {
  const { service } = destination.plan;
  x.destination = destination;
  x.failedSlot = -1;
  x.retries = 0;
  x.replaced = false;
  if (x.placeSlot >= 0) leavePlace(x);
  if (service.maxConcurrentRequests > 0 && !takePlace(x)) return;
  x.context.shared.retryBudgets.countRequest(service.slot, x.context.nowMs);
  startTry(x);
}

function retryAfter(ms: number): string {
  return `retry-after: ${Math.ceil(ms / 1000)}\r\n`;
}
