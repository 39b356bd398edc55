import type { BuiltItem } from '@sluice/engine';
import type { EndpointHealth } from '../shared/index.ts';

/** Notes when endpoints come to a service that is there already, for their slow start. Those that come with their service are all alike. */
export class EndpointArrivals {
  readonly #health: EndpointHealth;
  /** Endpoint slots of each service. */
  readonly #slots = new Map<string, ReadonlySet<number>>();

  constructor(health: EndpointHealth) {
    this.#health = health;
  }

  /** An item became active. */
  put(item: BuiltItem): void {
    if (item.kind !== 'Service') return;
    const known = this.#slots.get(item.name);
    const slots = new Set(item.plan.endpoints.map(({ slot }) => slot));
    this.#slots.set(item.name, slots);
    if (known === undefined) return;
    for (const slot of slots) if (!known.has(slot)) this.#health.arrived(slot);
  }

  /** An item is active no more. */
  remove(kind: string, name: string): void {
    if (kind === 'Service') this.#slots.delete(name);
  }
}
