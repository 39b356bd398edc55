import type { BuiltService, EndpointPlan } from '@sluice/engine';
import type { Shared, SlotDirectory } from '../shared/index.ts';
import type { HealthChecks } from './health/health-checks.ts';

export interface EndpointViewSources {
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  readonly healthChecks: HealthChecks;
}

/** An endpoint as this node sees it. */
export interface EndpointView {
  readonly address: string;
  readonly weight: number;
  readonly priority: number;
  readonly zone: string;
  /** `unchecked`: nothing is known against it, and nobody looks. `draining`: it left the service, and finishes what it has. */
  readonly state: 'unchecked' | 'healthy' | 'unhealthy' | 'ejected' | 'draining';
  /** What the last probe found wrong. */
  readonly probeFailure: string | undefined;
  /** Since when probes say what they say, in milliseconds of the wall clock. */
  readonly sinceMs: number | undefined;
  /** When it gets requests again, in milliseconds of the wall clock. */
  readonly ejectedUntilMs: number | undefined;
  readonly inFlight: number;
}

/** Those that left their service and still have requests, by service. */
export type DrainingEndpoints = ReadonlyMap<string, readonly EndpointView[]>;

export function viewDraining({ shared, directory }: EndpointViewSources): DrainingEndpoints {
  const draining = new Map<string, EndpointView[]>();
  for (const [name, slot] of directory.endpoints.released()) {
    const inFlight = shared.columns.inFlight.total(slot);
    if (inFlight <= 0) continue;
    const service = name.slice(0, name.indexOf('/'));
    const view = { ...DRAINING, address: name.slice(service.length + 1), inFlight };
    draining.set(service, [...(draining.get(service) ?? []), view]);
  }
  return draining;
}

/** The endpoints of a service, and last those that drain. */
export function viewEndpoints(
  sources: EndpointViewSources,
  { name, plan }: BuiltService,
  draining: DrainingEndpoints,
): readonly EndpointView[] {
  const views = plan.endpoints.map((endpoint) => viewEndpoint(sources, name, plan, endpoint));
  return [...views, ...(draining.get(name) ?? [])];
}

/** Whether requests are sent there while there is a choice. */
export function isUsable({ state }: EndpointView): boolean {
  return state === 'healthy' || state === 'unchecked';
}

const DRAINING: Omit<EndpointView, 'address' | 'inFlight'> = {
  weight: 0,
  priority: 0,
  zone: '',
  state: 'draining',
  probeFailure: undefined,
  sinceMs: undefined,
  ejectedUntilMs: undefined,
};

function viewEndpoint(
  { shared, healthChecks }: EndpointViewSources,
  service: string,
  plan: BuiltService['plan'],
  { address, weight, priority, zone, slot }: EndpointPlan,
): EndpointView {
  const { endpointHealth, outliers, clock, columns } = shared;
  const ejectedForMs = plan.outliers === undefined ? 0 : outliers.untilMs(slot) - clock.nowMs();
  const probe = healthChecks.view(service, slot);
  const known = probe === undefined ? 'unchecked' : 'healthy';
  return {
    address,
    weight,
    priority,
    zone,
    state: !endpointHealth.isHealthy(slot) ? 'unhealthy' : ejectedForMs > 0 ? 'ejected' : known,
    probeFailure: probe?.failure,
    sinceMs: probe?.changedAtMs,
    ejectedUntilMs: ejectedForMs > 0 ? Math.round(Date.now() + ejectedForMs) : undefined,
    inFlight: columns.inFlight.total(slot),
  };
}
