import type { Discovery } from '@sluice/proto';
import { CannotBuild } from './cannot-build.ts';
import { durationMs } from './read-duration.ts';

/** Where the endpoints of a service are found. Plain data, so that two can be compared. */
export type DiscoverySource = DnsSource | RegistrySource;

export interface DnsSource {
  readonly kind: 'dns';
  /** SRV records are asked for where no port is given or the name begins with an underscore (RFC 2782), else A and AAAA. */
  readonly name: string;
  /** Undefined: that of the SRV record. */
  readonly port: number | undefined;
  /** It is asked at least this often. Undefined: as often as the answer's TTL says. */
  readonly refreshMs: number | undefined;
}

interface RegistrySource {
  readonly kind: 'registry';
  /** An instance that did not heartbeat for this long is gone. */
  readonly ttlMs: number;
}

export const DEFAULT_REGISTRY_TTL_MS = 30_000;

export function buildDiscovery({ source }: Discovery): DiscoverySource {
  switch (source.case) {
    case 'dns': {
      const { name, port, refresh } = source.value;
      const refreshMs = refresh === undefined ? undefined : durationMs(refresh, 0);
      return { kind: 'dns', name, port, refreshMs };
    }
    case 'registry':
      return { kind: 'registry', ttlMs: durationMs(source.value.ttl, DEFAULT_REGISTRY_TTL_MS) };
    case undefined:
      throw new CannotBuild('discovery of this kind is not known to this version of the node');
    default:
      return source satisfies never;
  }
}
