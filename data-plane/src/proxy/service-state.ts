import {
  type EndpointPlan,
  isPanic,
  pickLeastRequest,
  pickRandom,
  pickRoundRobin,
  type RoundRobin,
  roundRobin,
  type ServicePlan,
  type WeightedSet,
  weightedSet,
} from '@sluice/engine';
import { type Host, parseHost } from '../http1/index.ts';
import type { EndpointHealth, Shared } from '../shared/index.ts';

/** A service of one revision with what a worker keeps ready for it. */
export class ServiceState {
  readonly plan: ServicePlan;
  /** What a request that names no host is said to be for: the first endpoint, as configured. */
  readonly host: Host | null;
  /** Histogram of the time to the upstream's response head. */
  readonly upstreamDuration: number;
  /** Counter of tries after the first. */
  readonly retries: number;
  readonly #set: WeightedSet;
  readonly #position: RoundRobin;
  readonly #eligible: (index: number) => boolean;
  readonly #inFlight: (index: number) => number;
  readonly #health: EndpointHealth;
  #avoided = -1;
  /** So few are healthy that all are used; worked out anew when the health of any endpoint has changed. */
  #panic = false;
  #healthChanges = -1;

  constructor(plan: ServicePlan, { metrics, endpointHealth, columns }: Shared) {
    const { endpoints } = plan;
    this.plan = plan;
    this.#health = endpointHealth;
    this.host = parseHost(endpoints[0]?.address ?? '') ?? null;
    this.upstreamDuration = metrics.upstreamDuration(plan.slot);
    this.retries = metrics.retries(plan.slot);
    this.#set = weightedSet(endpoints.map(({ weight }) => weight));
    this.#position = roundRobin(this.#set, Math.random);
    this.#eligible = (index) => {
      const { slot } = endpoints[index] as EndpointPlan;
      return slot !== this.#avoided && (this.#panic || endpointHealth.isHealthy(slot));
    };
    this.#inFlight = (index) => columns.inFlight.total((endpoints[index] as EndpointPlan).slot);
  }

  /** A healthy endpoint, or any one in a panic, other than the one with slot `avoided` where there is another; undefined where none is healthy. */
  pick(avoided: number): EndpointPlan | undefined {
    this.#avoided = avoided;
    const changes = this.#health.changes();
    if (changes !== this.#healthChanges) {
      this.#healthChanges = changes;
      this.#panic = this.#isPanic();
    }
    let index = this.#pick();
    if (index < 0 && avoided >= 0) {
      this.#avoided = -1;
      index = this.#pick();
    }
    return this.plan.endpoints[index];
  }

  #isPanic(): boolean {
    const { endpoints, panicPercent } = this.plan;
    return isPanic(endpoints.filter(({ slot }) => this.#health.isHealthy(slot)).length, endpoints.length, panicPercent);
  }

  #pick(): number {
    if (this.plan.endpoints.length === 1) return this.#eligible(0) ? 0 : -1;
    const { balancer } = this.plan;
    switch (balancer) {
      case 'roundRobin':
        return pickRoundRobin(this.#position, this.#eligible);
      case 'leastRequest':
        return pickLeastRequest(this.#set, this.#inFlight, this.#eligible, Math.random);
      case 'random':
        return pickRandom(this.#set, this.#eligible, Math.random);
      default:
        return balancer satisfies never;
    }
  }
}
