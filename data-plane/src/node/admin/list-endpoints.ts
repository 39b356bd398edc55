import type { BuiltService } from '@sluice/engine';
import type { Activation } from '../activation.ts';
import type { DnsDiscovery } from '../discovery/dns-discovery.ts';
import { type EndpointView, type EndpointViewSources, viewDraining, viewEndpoints } from '../endpoint-view.ts';

export interface EndpointListSources extends EndpointViewSources {
  readonly activation: Activation;
  readonly discovery: DnsDiscovery;
}

/** Each service with its endpoints as this node sees them, and where they are from. */
export function* listEndpoints(sources: EndpointListSources): Generator<unknown> {
  const draining = viewDraining(sources);
  for (const service of sources.activation.services.all()) {
    yield {
      service: service.name,
      ...(service.plan.enabled ? {} : { enabled: false }),
      from: service.discovery?.kind ?? 'configuration',
      ...dns(sources, service),
      endpoints: viewEndpoints(sources, service, draining).map(endpointValue),
    };
  }
}

function endpointValue(view: EndpointView): object {
  const { address, weight, priority, zone, state, probeFailure, sinceMs, ejectedUntilMs, inFlight } = view;
  return {
    address,
    weight,
    ...(priority === 0 ? {} : { priority }),
    ...(zone === '' ? {} : { zone }),
    state,
    ...(sinceMs === undefined ? {} : { since: new Date(sinceMs).toISOString() }),
    ...(probeFailure === undefined ? {} : { probeFailure }),
    ...(ejectedUntilMs === undefined ? {} : { ejectedUntil: new Date(ejectedUntilMs).toISOString() }),
    inFlight,
  };
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
      answered,
      failed,
      ...(leftOut === 0 ? {} : { leftOut }),
    },
  };
}
