import { fromBinary } from '@bufbuild/protobuf';
import { FoundEndpointsSchema } from '@sluice/proto';
import { splitEndpoint } from './build-service.ts';
import type { SlotSource } from './built-item.ts';
import type { EndpointPlan } from './service-plan.ts';

/** The kind of item that the endpoints found by DNS are: a node's own. Its name is the service's. */
export const FOUND_ENDPOINTS_KIND = 'FoundEndpoints';

export interface BuiltFoundEndpoints {
  readonly kind: typeof FOUND_ENDPOINTS_KIND;
  readonly name: string;
  readonly endpoints: readonly EndpointPlan[];
}

export function buildFoundEndpoints(name: string, content: Uint8Array, slots: SlotSource): BuiltFoundEndpoints {
  const { endpoints } = fromBinary(FoundEndpointsSchema, content);
  return {
    kind: FOUND_ENDPOINTS_KIND,
    name,
    endpoints: endpoints.map(({ address, weight, priority }) => ({
      address,
      ...splitEndpoint(address),
      weight,
      zone: '',
      priority,
      slot: slots.endpoint(name, address),
    })),
  };
}
