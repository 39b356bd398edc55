import { ABORTED, FAILURE, SUCCESS, type TryOutcome } from '../../shared/index.ts';
import type { Exchange } from '../exchange.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** The try is over: its endpoint and its breaker learn of it. */
export function endTry(x: Exchange, outcome: TryOutcome): void {
  if (x.record !== null) x.record.endTry(x.context.nowUs);
  reportTry(x, outcome);
  if (x.endpointSlot < 0) return;
  if (x.destination.plan.service.outliers !== undefined) judgeEndpoint(x, outcome);
  x.context.shared.columns.inFlight.add(x.endpointSlot, -1);
  x.endpointSlot = -1;
}

/** What the try says of its endpoint. One that fails too often is ejected, for all workers. */
export function judgeEndpoint(x: Exchange, outcome: TryOutcome): void {
  const { shared, nowMs } = x.context;
  const { plan, endpointSlots, ejections } = x.destination.service;
  const startedMs = x.tryStartedUs / 1000;
  if (plan.outliers === undefined || outcome === ABORTED) return;
  if (outcome === SUCCESS) shared.outliers.succeeded(x.endpointSlot, startedMs);
  else if (shared.outliers.failed(x.endpointSlot, endpointSlots, plan.outliers, startedMs, nowMs)) {
    shared.endpointHealth.noteChange();
    shared.metrics.add(ejections);
  }
}

/** Gives up what is on its way, to no one's fault. */
export function abandonTry(x: Exchange): void {
  if (x.state === 'queued') x.context.pools.leave(x);
  detachUpstream(x)?.destroy();
  endTry(x, ABORTED);
}

/** Takes the connection from the exchange, which hears no more of it. */
export function detachUpstream(x: Exchange): UpstreamConnection | null {
  const connection = x.upstream;
  x.upstream = null;
  if (connection !== null) connection.user = null;
  return connection;
}

/** What an answer says of the upstream's health: it failed with any 5xx but 501. */
export function outcomeOf(status: number): TryOutcome {
  return status >= 500 && status !== 501 ? FAILURE : SUCCESS;
}

/** Reports the outcome to the breaker; once. */
export function reportTry(x: Exchange, outcome: TryOutcome): void {
  if (x.breakerToken < 0) return;
  const { breaker, slot } = x.destination.plan.service;
  const { shared, nowMs } = x.context;
  if (breaker !== undefined) shared.breakers.report(slot, x.breakerToken, outcome, breaker, nowMs);
  x.breakerToken = -1;
}
