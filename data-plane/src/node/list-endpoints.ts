import type { BuiltService } from '@sluice/engine';
import type { Shared } from '../shared/index.ts';
import type { Activation } from './activation.ts';
import type { DnsDiscovery } from './discovery/dns-discovery.ts';

export interface EndpointListSources {
  readonly shared: Shared;
  readonly activation: Activation;
  readonly discovery: DnsDiscovery;
}

/** Each service with its endpoints as this node sees them, and where they are from. */
export function* listEndpoints(sources: EndpointListSources): Generator<unknown> {
  for (const service of sources.activation.services.all()) {
    yield {
      service: service.name,
      ...(service.plan.enabled ? {} : { enabled: false }),
      from: service.discovery?.kind ?? 'configuration',
      ...dns(sources, service),
      endpoints: service.plan.endpoints.map(({ address, weight, priority, zone, slot }) => ({
        ...{ address, weight },
        ...(priority === 0 ? {} : { priority }),
        ...(zone === '' ? {} : { zone }),
        state: stateOf(sources.shared, service, slot),
        inFlight: sources.shared.columns.inFlight.total(slot),
      })),
    };
  }
}

/** `unchecked`: nothing is known against it, and nobody looks. */
function stateOf({ endpointHealth, outliers, clock }: Shared, { plan }: BuiltService, slot: number): string {
  if (!endpointHealth.isHealthy(slot)) return 'unhealthy';
  if (plan.outliers !== undefined && outliers.untilMs(slot) > clock.nowMs()) return 'ejected';
  return plan.healthCheck === undefined ? 'unchecked' : 'healthy';
}

function dns({ discovery }: EndpointListSources, { name }: BuiltService): object {
  const view = discovery.view(name);
  if (view === undefined) return {};
  const { source, answeredAtMs, failure, answered, failed, leftOut } = view;
  return {
    dns: {
      name: source.name,
      ...(source.port === undefined ? {} : { port: source.port }),
      answeredAt: answeredAtMs === undefined ? null : new Date(answeredAtMs).toISOString(),
      ...(failure === undefined ? {} : { failure }),
      ...{ answered, failed },
      ...(leftOut === 0 ? {} : { leftOut }),
    },
  };
}
