import { OPEN } from '@sluice/engine';
import { answerConfigured } from './answer.ts';
import { leavePlace, takePlace } from './concurrent-requests.ts';
import type { FallbackState } from './destination-state.ts';
import type { Exchange } from './exchange.ts';
import { startTry } from './forward.ts';
import { mayRepeat } from './retry.ts';

/**
 * Whether something is there to be served instead: `x.fallbackAt` then stands at it. `wasSent`: the upstream may have done what the
 * request asks, so that another service gets it only where that does no harm.
 */
export function hasFallback(x: Exchange, wasSent: boolean): boolean {
  const { fallbacks } = x;
  while (x.fallbackAt < fallbacks.length) {
    if (canServe(x, fallbacks[x.fallbackAt] as FallbackState, wasSent)) return true;
    x.fallbackAt++;
  }
  return false;
}

/** Serves what `hasFallback` found. Nothing of the try before is left. */
export function serveFallback(x: Exchange): void {
  const fallback = x.fallbacks[x.fallbackAt++] as FallbackState;
  x.context.shared.metrics.add(fallback.uses);
  switch (fallback.kind) {
    case 'response': {
      const { status, lines, body } = fallback.response;
      answerConfigured(x, status, lines, body);
      break;
    }
    case 'service':
      goTo(x, fallback.destination);
      break;
    default:
      fallback satisfies never;
  }
}

function canServe(x: Exchange, fallback: FallbackState, wasSent: boolean): boolean {
  if (fallback.kind === 'response') return true;
  const { shared, nowMs } = x.context;
  const { plan, service } = fallback.destination;
  const { enabled, breaker, slot } = plan.service;
  if (!enabled || !x.replayable || nowMs >= x.headDeadlineMs) return false;
  if (wasSent && !mayRepeat(x, plan.fallbackOn)) return false;
  if (breaker !== undefined) {
    const { state, opensInMs } = shared.breakers.view(slot, nowMs);
    if (state === OPEN && opensInMs > 0) return false;
  }
  return service.choice.hasAny(nowMs);
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
