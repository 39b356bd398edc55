import type { ServicePlan } from '@sluice/engine';
import { type EndpointHealth, OVERFLOW_SLOT } from '../shared/index.ts';

/** Notes when endpoints come to a service that is there already, for their slow start. Those that come with their service are all alike. */
export class EndpointArrivals {
  readonly #health: EndpointHealth;
  /** Endpoint slots of each service. */
  readonly #slots = new Map<string, ReadonlySet<number>>();

  constructor(health: EndpointHealth) {
    this.#health = health;
  }

  /** A service, or what endpoints it has, is new. */
  put({ name, endpoints }: ServicePlan): void {
    const known = this.#slots.get(name);
    const slots = new Set(endpoints.map(({ slot }) => slot));
    this.#slots.set(name, slots);
    if (known === undefined) return;
    for (const slot of slots) if (!known.has(slot) && slot !== OVERFLOW_SLOT) this.#health.arrived(slot);
  }

  /** A service is active no more. */
  remove(service: string): void {
    this.#slots.delete(service);
  }
}
