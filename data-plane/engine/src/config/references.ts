import type { Auth, Fallback, Resource, UpstreamTls } from '@sluice/proto';
import type { Kind, ResourceKey } from './kind.ts';

/** One resource names another. */
export interface Reference {
  readonly target: ResourceKey;
  /** Where the name is written. */
  readonly field: string;
  /** Whether what is named must go wherever the one that names it goes. */
  readonly travels: boolean;
}

/** All that a resource refers to, in the order it is written. */
export function referencesOf(resource: Resource): readonly Reference[] {
  const found: Reference[] = [];
  const to: Refer = (kind, name, field, travels = true) => {
    if (name !== undefined) found.push({ target: `${kind}/${name}`, field, travels });
  };
  resource.nodeGroups.forEach((group, i) => {
    to('NodeGroup', group, `nodeGroups[${i}]`, false);
  });
  const { spec } = resource;
  switch (spec.case) {
    case 'listener': {
      const { certificates, clientCertificates } = spec.value;
      certificates.forEach((name, i) => {
        to('Certificate', name, `spec.certificates[${i}]`);
      });
      to('Certificate', clientCertificates?.caCertificate || undefined, 'spec.clientCertificates.caCertificate');
      break;
    }
    case 'service':
      spec.value.endpoints.forEach(({ nodeGroups }, i) => {
        nodeGroups.forEach((group, j) => {
          to('NodeGroup', group, `spec.endpoints[${i}].nodeGroups[${j}]`, false);
        });
      });
      referToTls(spec.value.tls, to);
      referToFallbacks(spec.value.fallback, to);
      break;
    case 'policy':
      referToIssuers(spec.value.auth, to);
      break;
    case 'route': {
      const { listeners, service, destinations, policies, mirror, auth } = spec.value;
      listeners.forEach((name, i) => {
        to('Listener', name, `spec.listeners[${i}]`);
      });
      to('Service', service || undefined, 'spec.service');
      destinations.forEach((destination, i) => {
        to('Service', destination.service || undefined, `spec.destinations[${i}].service`);
      });
      policies.forEach((name, i) => {
        to('Policy', name, `spec.policies[${i}]`);
      });
      to('Service', mirror?.service || undefined, 'spec.mirror.service');
      referToIssuers(auth, to);
      break;
    }
    case 'certificate':
    case 'consumer':
    case 'issuer':
    case 'nodeGroup':
    case undefined:
      break;
    default:
      spec satisfies never;
  }
  return found;
}

/** Whether something exists without being configured. */
export function isBuiltIn(key: ResourceKey): boolean {
  return BUILT_IN.has(key);
}

/** `default` is the group of nodes that name none; `sluice` signs tokens itself. */
const BUILT_IN: ReadonlySet<ResourceKey> = new Set<ResourceKey>(['NodeGroup/default', 'Issuer/sluice']);

/** The listener there is where none is configured. */
export const DEFAULT_LISTENER: ResourceKey = 'Listener/http';

/** An empty name in a list is one that nothing has; undefined: nothing is named. */
type Refer = (kind: Kind, name: string | undefined, field: string, travels?: boolean) => void;

function referToTls(tls: UpstreamTls | undefined, to: Refer): void {
  to('Certificate', tls?.caCertificate || undefined, 'spec.tls.caCertificate');
  to('Certificate', tls?.clientCertificate || undefined, 'spec.tls.clientCertificate');
}

function referToFallbacks(fallbacks: readonly Fallback[], to: Refer): void {
  fallbacks.forEach(({ answer }, i) => {
    if (answer.case === 'service') to('Service', answer.value || undefined, `spec.fallback[${i}].service`);
  });
}

function referToIssuers(auth: Auth | undefined, to: Refer): void {
  auth?.anyOf.forEach(({ method }, i) => {
    if (method.case !== 'jwt') return;
    method.value.issuers.forEach((name, j) => {
      to('Issuer', name, `spec.auth.anyOf[${i}].jwt.issuers[${j}]`);
    });
  });
}
