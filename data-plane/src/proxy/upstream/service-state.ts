import type { ServicePlan } from '@sluice/engine';
import { type Host, parseHost } from '../../http1/index.ts';
import type { Shared } from '../../shared/index.ts';
import { EndpointChoice } from './endpoint-choice.ts';

/** A service of one revision with what a worker keeps ready for it. */
export class ServiceState {
  readonly plan: ServicePlan;
  readonly choice: EndpointChoice;
  /** Of all its endpoints. */
  readonly endpointSlots: readonly number[];
  /** What a request that names no host is said to be for: the first endpoint, as configured. */
  readonly host: Host | null;
  /** Histogram of the time to the upstream's response head. */
  readonly upstreamDuration: number;
  /** Counter of tries after the first. */
  readonly retries: number;
  /** Counter of endpoints that were ejected. */
  readonly ejections: number;

  constructor(plan: ServicePlan, shared: Shared) {
    const { metrics } = shared;
    this.plan = plan;
    this.choice = new EndpointChoice(plan, shared);
    this.endpointSlots = plan.endpoints.map(({ slot }) => slot);
    this.host = parseHost(plan.endpoints[0]?.address ?? '') ?? null;
    this.upstreamDuration = metrics.upstreamDuration(plan.slot);
    this.retries = metrics.retries(plan.slot);
    this.ejections = plan.outliers === undefined ? 0 : metrics.ejections(plan.slot);
  }
}
