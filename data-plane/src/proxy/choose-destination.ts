import type { DestinationState } from './destination-state.ts';
import type { Exchange } from './exchange.ts';

/** Decides which service a request goes to. A route with one service costs one comparison. */
export function chooseDestination(x: Exchange): boolean {
  const { destinations } = x.route;
  if (destinations.length === 0) return false;
  const destination = destinations.length === 1 ? (destinations[0] as DestinationState) : pickByWeight(destinations);
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
