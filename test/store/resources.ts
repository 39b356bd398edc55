import { randomBytes } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { applyResources, type ControlContext, ControlState, SecretSeal, type Store } from '@sluice/control-plane';
import { ApplyRequestSchema, type Resource, ResourceSchema } from '@sluice/proto';

export function service(name: string, port: number): Resource {
  const endpoints = [{ address: `127.0.0.1:${port}` }];
  return create(ResourceSchema, { name, spec: { case: 'service', value: { endpoints } } });
}

/** The services that a state has, with their ports. */
export function portsOf({ config }: ControlState): Record<string, number> {
  const ports: Record<string, number> = {};
  for (const { name, resource } of config.index.entries()) {
    if (resource.spec.case !== 'service') continue;
    ports[name] = Number(resource.spec.value.endpoints[0]?.address.split(':')[1]);
  }
  return ports;
}

/** A replica that has read the store. */
export async function openReplica(store: Store, pollIntervalMs = 200): Promise<ControlContext> {
  const state = new ControlState({ store, pollIntervalMs });
  await state.ready;
  return { state, seal: new SecretSeal(randomBytes(32)), now: () => new Date() };
}

export function apply(
  context: ControlContext,
  resources: Resource[],
  options: Omit<MessageInitShape<typeof ApplyRequestSchema>, 'resources' | '$typeName'> = {},
) {
  return applyResources(context, create(ApplyRequestSchema, { ...options, resources }), 'test');
}
