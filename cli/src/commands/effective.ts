import { type EffectiveField, effectiveRoute, type Kind } from '@sluice/engine';
import type { Policy, Resource, Service } from '@sluice/proto';
import type { ControlPlaneClient } from '../client/control-plane.ts';

/** What holds for a route with its policies and its service, and who says so. */
export async function readEffective(client: ControlPlaneClient, name: string): Promise<readonly EffectiveField[]> {
  const route = await getResource(client, 'Route', name);
  if (route.spec.case !== 'route') return [];
  const { policies, service } = route.spec.value;
  const byName = new Map<string, Policy>();
  await Promise.all(
    policies.map(async (each) => {
      const { spec } = await getResource(client, 'Policy', each);
      if (spec.case === 'policy') byName.set(each, spec.value);
    }),
  );
  const policyOf = (each: string): Policy | undefined => byName.get(each);
  return effectiveRoute(route, policyOf, service === '' ? undefined : await getService(client, service));
}

async function getService(client: ControlPlaneClient, name: string): Promise<Service | undefined> {
  const { spec } = await getResource(client, 'Service', name);
  return spec.case === 'service' ? spec.value : undefined;
}

async function getResource({ config }: ControlPlaneClient, kind: Kind, name: string): Promise<Resource> {
  const { resource } = await config.get({ ref: { kind, name } });
  return resource!.resource!;
}
