import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';

/**
 * Gives a request one of the places that its service has for requests under way, all workers together. False: there is none, and the
 * client was told. Costs two atomic additions and a sum over the workers.
 */
export function takePlace(x: Exchange): boolean {
  const { maxConcurrentRequests, slot } = x.destination.plan.service;
  const { columns, metrics } = x.context.shared;
  if (columns.requests.tryAdd(slot, maxConcurrentRequests)) {
    x.placeSlot = slot;
    return true;
  }
  metrics.overflow('concurrent_requests');
  answerProblem(x, 'overloaded', 'The service has as many requests as it may.', 'retry-after: 1\r\n');
  return false;
}

/** The request is over. */
export function leavePlace(x: Exchange): void {
  x.context.shared.columns.requests.add(x.placeSlot, -1);
  x.placeSlot = -1;
}
