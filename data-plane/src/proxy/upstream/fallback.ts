import { OPEN } from '@sluice/engine';
import { hasStale } from '../cache/cache-errors.ts';
import type { Exchange } from '../exchange.ts';
import type { FallbackState } from './destination-state.ts';
import { mayRepeat } from './may-repeat.ts';

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

function canServe(x: Exchange, fallback: FallbackState, wasSent: boolean): boolean {
  if (fallback.kind === 'response') return true;
  if (fallback.kind === 'staleCache') return hasStale(x, fallback.maxAgeMs);
  const { shared, nowMs } = x.context;
  const { plan, service } = fallback.destination;
  const { enabled, breaker, slot } = plan.service;
  if (!enabled || !x.replayable || nowMs >= x.headDeadlineMs) return false;
  if (wasSent && !mayRepeat(x, x.destination.plan.fallbackOn)) return false;
  if (breaker !== undefined) {
    const { state, opensInMs } = shared.breakers.view(slot, nowMs);
    if (state === OPEN && opensInMs > 0) return false;
  }
  return service.choice.hasAny(nowMs);
}
