import { pickSticky } from '@sluice/engine';
import type { Exchange } from '../exchange.ts';
import type { DestinationState } from './destination-state.ts';
import { hashRequest } from './hash-request.ts';

/** Decides which service a request goes to. A route with one service costs one comparison. */
export function chooseDestination(x: Exchange): boolean {
  const { destinations, stickyChoices } = x.route;
  if (destinations.length === 0) return false;
  let destination = destinations[0] as DestinationState;
  if (destinations.length > 1) {
    destination =
      stickyChoices === null
        ? pickByWeight(destinations)
        : (destinations[pickSticky(stickyChoices, hashRequest(x, x.plan.stickyBy))] as DestinationState);
  }
  x.destination = destination;
  x.serviceSlot = destination.plan.service.slot;
  return false;
}

function pickByWeight(destinations: readonly DestinationState[]): DestinationState {
  let total = 0;
  for (const { plan } of destinations) total += plan.weight;
  let point = Math.random() * total;
  for (const destination of destinations) {
    point -= destination.plan.weight;
    if (point < 0) return destination;
  }
  return destinations[destinations.length - 1] as DestinationState;
}
