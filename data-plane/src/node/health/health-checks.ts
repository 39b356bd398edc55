import type { Log, ServicePlan } from '@sluice/engine';
import { type EndpointHealth, OVERFLOW_SLOT } from '../../shared/index.ts';
import { Turns } from '../turns.ts';
import { EndpointProbe, type ProbeContext, type ProbeView } from './endpoint-probe.ts';

/** Probes under way at once. With all of them waiting a second for their timeout, so many endpoints are asked a second. */
const MAX_PROBES = 256;

/** The active health checks of a node: one prober for each endpoint of each service that asks for it. */
export class HealthChecks {
  readonly #context: ProbeContext;
  /** By service and endpoint slot. */
  readonly #probes = new Map<string, Map<number, EndpointProbe>>();

  constructor(health: EndpointHealth, log: Log) {
    this.#context = { health, log, turns: new Turns(MAX_PROBES) };
  }

  /** How many endpoints are probed. */
  get size(): number {
    return this.#probes.values().reduce((total, probes) => total + probes.size, 0);
  }

  /** Undefined: it is not probed. */
  view(service: string, endpointSlot: number): ProbeView | undefined {
    return this.#probes.get(service)?.get(endpointSlot)?.view();
  }

  /** A service, or what endpoints it has, is new. Endpoints that found no slot are not probed: they would speak for each other. */
  put({ name, enabled, endpoints, healthCheck }: ServicePlan): void {
    const probed = healthCheck === undefined || !enabled ? [] : endpoints.filter(({ slot }) => slot !== OVERFLOW_SLOT);
    this.#keep(name, new Set(probed.map(({ slot }) => slot)));
    if (healthCheck === undefined || probed.length === 0) return;
    const probes = this.#probes.get(name) ?? new Map<number, EndpointProbe>();
    this.#probes.set(name, probes);
    for (const endpoint of probed) {
      const known = probes.get(endpoint.slot);
      if (known === undefined) probes.set(endpoint.slot, new EndpointProbe(this.#context, name, endpoint, healthCheck));
      else known.update(healthCheck);
    }
  }

  /** A service is active no more. */
  remove(service: string): void {
    this.#keep(service, new Set());
  }

  close(): void {
    for (const name of [...this.#probes.keys()]) this.#keep(name, new Set());
  }

  /** Ends the probers of a service but for these endpoints. */
  #keep(name: string, slots: ReadonlySet<number>): void {
    const probes = this.#probes.get(name);
    if (probes === undefined) return;
    for (const [slot, each] of probes) {
      if (slots.has(slot)) continue;
      each.close();
      probes.delete(slot);
    }
    if (probes.size === 0) this.#probes.delete(name);
  }
}
