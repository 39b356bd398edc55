import { isIP } from 'node:net';
import type { Endpoint } from '@sluice/proto';
import type { Report } from '../problem.ts';
import { canonicalAddress, splitAddress } from './listener.ts';
import type { Rule } from './rule.ts';

/** Endpoints are addresses that can be connected to, each once for a node group, and some of them get requests. */
export const checkEndpoints: Rule = ({ spec, nodeGroups }, report) => {
  if (spec.case !== 'service') return;
  const { endpoints } = spec.value;
  const first = new Map<string, number>();
  endpoints.forEach((endpoint, i) => {
    const field = `spec.endpoints[${i}]`;
    const message = checkEndpointAddress(endpoint.address);
    if (message !== undefined) report({ field: `${field}.address`, message });
    reportRepeated(endpoint, i, first, report);
    if (!/^[\x20-\x7e]*$/.test(endpoint.zone))
      report({ field: `${field}.zone`, message: 'must be visible ASCII characters' });
    endpoint.nodeGroups.forEach((group, j) => {
      if (nodeGroups.length === 0 || nodeGroups.includes(group)) return;
      report({
        severity: 'warning',
        field: `${field}.nodeGroups[${j}]`,
        message: `the service does not go to ${group}, so that no node there uses the endpoint`,
      });
    });
  });
  if (endpoints.length > 0 && endpoints.every(({ weight }) => weight === 0)) {
    report({
      severity: 'warning',
      field: 'spec.endpoints',
      message: 'every endpoint has weight 0: all requests will be answered no_healthy_endpoint',
    });
  }
};

function reportRepeated({ address }: Endpoint, index: number, first: Map<string, number>, report: Report): void {
  const canonical = canonicalAddress(address);
  const earlier = first.get(canonical);
  if (earlier === undefined) first.set(canonical, index);
  else {
    report({
      field: `spec.endpoints[${index}].address`,
      message: `${address} is endpoints[${earlier}] already`,
      remedy: 'list it once, with a greater weight or with all its node groups',
    });
  }
}

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0:0', '[::]:0']);

/** Why an address cannot be connected to. The .proto file holds the form; this is what a form cannot say. */
export function checkEndpointAddress(address: string): string | undefined {
  const parts = splitAddress(address);
  if (parts === undefined) return undefined;
  const { host, port } = parts;
  if (EVERYWHERE.has(canonicalAddress(`${address.slice(0, address.lastIndexOf(':'))}:0`))) {
    return `${host} is every address of a machine, and none to connect to`;
  }
  if (port < 1 || port > 65535) return `the port must be 1 to 65535, not ${port}`;
  if (address.startsWith('[')) return isIP(host) === 6 ? undefined : `${host} is not an IPv6 address`;
  if (/^[\d.]+$/.test(host)) return isIP(host) === 4 ? undefined : `${host} is not an IPv4 address`;
  const isName = host.split('.').every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label));
  return isName ? undefined : `${host} is not a host name`;
}
