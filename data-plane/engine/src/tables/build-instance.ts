import { fromBinary } from '@bufbuild/protobuf';
import { InstanceSchema } from '@sluice/proto';
import { splitEndpoint } from './build-service.ts';
import type { SlotSource } from './built-item.ts';
import type { EndpointPlan } from './service-plan.ts';

/** The kind of facts that registered instances are. */
export const INSTANCE_KIND = 'Instance';

export interface BuiltInstance {
  readonly kind: typeof INSTANCE_KIND;
  /** {@link instanceName} */
  readonly name: string;
  readonly service: string;
  readonly endpoint: EndpointPlan;
}

export function buildInstance(name: string, content: Uint8Array, slots: SlotSource): BuiltInstance {
  const { service, address, weight, zone } = fromBinary(InstanceSchema, content);
  const endpoint = { address, ...splitEndpoint(address), weight: weight ?? 1, zone, priority: 0 };
  return { kind: INSTANCE_KIND, name, service, endpoint: { ...endpoint, slot: slots.endpoint(service, address) } };
}

/** Names one instance of one service; no service's name has a slash. */
export function instanceName(service: string, address: string): string {
  return `${service}/${address}`;
}
