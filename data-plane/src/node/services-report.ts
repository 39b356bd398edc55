import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { BuiltService } from '@sluice/engine';
import {
  type EndpointReportSchema,
  EndpointState,
  type ServiceReportSchema,
  type ServicesReportSchema,
} from '@sluice/proto';
import type { EndpointListSources } from './admin/list-endpoints.ts';
import { type EndpointView, isUsable, viewDraining, viewEndpoints } from './endpoint-view.ts';
import { wireState } from './reported-breakers.ts';

/** Services and endpoints in one report: with the longest of names it stays under the 1 MiB that a message may have. */
const MAX_REPORTED = 2000;
const MAX_FAILURE_CHARS = 128;

/** What the node thinks of its services at this moment; of one, where a name is given. */
export function reportServices(
  sources: EndpointListSources,
  name: string,
): MessageInitShape<typeof ServicesReportSchema> {
  const draining = viewDraining(sources);
  const services = sources.activation.services
    .all()
    .filter((service) => name === '' || service.name === name)
    .map((service) => ({ service, endpoints: viewEndpoints(sources, service, draining) }));
  const { selected, leftOut } = selectReported(services, MAX_REPORTED);
  return { services: selected.map(({ service, endpoints }) => reportService(sources, service, endpoints)), leftOut };
}

interface ServiceView {
  readonly service: Pick<BuiltService, 'name'>;
  readonly endpoints: readonly EndpointView[];
}

/** Services and endpoints, `most` of them together: first of services that nothing can be sent to, then of others, in the order given. */
export function selectReported<View extends ServiceView>(
  services: Iterable<View>,
  most: number,
): { readonly selected: readonly View[]; readonly leftOut: number } {
  const [troubled, others]: [View[], View[]] = [[], []];
  let total = 0;
  for (const view of services) {
    (view.endpoints.some(isUsable) ? others : troubled).push(view);
    total += 1 + view.endpoints.length;
  }
  const selected: View[] = [];
  let room = most;
  for (const view of [...troubled, ...others]) {
    if (room === 0) break;
    const endpoints = view.endpoints.slice(0, room - 1);
    selected.push({ ...view, endpoints });
    room -= 1 + endpoints.length;
  }
  return { selected, leftOut: total - (most - room) };
}

function reportService(
  { shared, discovery }: EndpointListSources,
  { name, plan }: BuiltService,
  endpoints: readonly EndpointView[],
): MessageInitShape<typeof ServiceReportSchema> {
  const { breaker, slot, enabled } = plan;
  return {
    service: name,
    disabled: !enabled,
    ...(breaker === undefined ? {} : { breaker: wireState(shared.breakers.view(slot, shared.clock.nowMs()).state) }),
    discoveryFailure: (discovery.view(name)?.failure ?? '').slice(0, MAX_FAILURE_CHARS),
    endpoints: endpoints.map(reportEndpoint),
  };
}

function reportEndpoint(view: EndpointView): MessageInitShape<typeof EndpointReportSchema> {
  const { address, weight, zone, state, probeFailure = '', sinceMs, ejectedUntilMs, inFlight } = view;
  return {
    address,
    weight,
    zone,
    inFlight,
    state: STATES[state],
    probeFailure: probeFailure.slice(0, MAX_FAILURE_CHARS),
    ...(sinceMs === undefined ? {} : { since: timestampFromMs(sinceMs) }),
    ...(ejectedUntilMs === undefined ? {} : { ejectedUntil: timestampFromMs(ejectedUntilMs) }),
  };
}

const STATES: Readonly<Record<EndpointView['state'], EndpointState>> = {
  unchecked: EndpointState.UNCHECKED,
  healthy: EndpointState.HEALTHY,
  unhealthy: EndpointState.UNHEALTHY,
  ejected: EndpointState.EJECTED,
  draining: EndpointState.DRAINING,
};
