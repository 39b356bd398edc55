import { isIP } from 'node:net';
import type { ByteSize } from '@sluice/proto';
import ipaddr from 'ipaddr.js';
import { networkFinding } from './network.ts';
import { isFramingHeader, isOwnHeader } from './reserved-headers.ts';
import type { Rule } from './rule.ts';

/** A listener's address is an IP address and a port; networks are networks; the bounds of a head are sane. */
export const checkListener: Rule = ({ spec }, report) => {
  if (spec.case !== 'listener') return;
  const { address, trustedProxies, limits, requestId } = spec.value;
  const wrong = address.length < 3 ? undefined : checkAddress(address);
  if (wrong !== undefined) report({ field: 'spec.address', ...wrong });
  trustedProxies.forEach((network, i) => {
    const finding = network === '' ? undefined : networkFinding(network, `spec.trustedProxies[${i}]`);
    if (finding !== undefined) report(finding);
  });
  const headerBytes = sizeOf(limits?.headerBytes);
  if (headerBytes !== undefined && (headerBytes < MIN_HEAD || headerBytes > MAX_HEAD)) {
    report({ field: 'spec.limits.headerBytes', message: `must be 1KiB to 256KiB, not ${headerBytes}B` });
  }
  const { connections, connectionsPerClient } = limits ?? {};
  if (connections !== undefined && connectionsPerClient !== undefined && connectionsPerClient > connections) {
    report({
      severity: 'warning',
      field: 'spec.limits.connectionsPerClient',
      message: `${connectionsPerClient} is more than connections, ${connections}, which holds for all clients together`,
    });
  }
  if (requestId !== undefined && (isFramingHeader(requestId.header) || isOwnHeader(requestId.header))) {
    report({ field: 'spec.requestId.header', message: `${requestId.header} has a meaning of its own in HTTP` });
  }
};

/** HOST:PORT, without the brackets of an IPv6 address. Undefined where it is none. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } | undefined {
  const [, host, port] = ADDRESS.exec(address) ?? [];
  if (host === undefined || port === undefined) return undefined;
  return { host: host.startsWith('[') ? host.slice(1, -1) : host, port: Number(port) };
}

/** One text for all ways to write an address. */
export function canonicalAddress(address: string): string {
  const parts = splitAddress(address.toLowerCase());
  if (parts === undefined) return address.toLowerCase();
  const { host, port } = parts;
  return isIP(host) === 6 ? `[${ipaddr.IPv6.parse(host).toString()}]:${port}` : `${host}:${port}`;
}

const ADDRESS = /^(\[[^\]]*\]|[^:[\]]+):(\d{1,5})$/;
const MIN_HEAD = 1024;
const MAX_HEAD = 256 * 1024;

function checkAddress(address: string): { message: string; remedy?: string } | undefined {
  const parts = splitAddress(address);
  if (parts === undefined) {
    return { message: `"${address}" is not HOST:PORT`, remedy: 'write it like 0.0.0.0:8080 or [::]:8080' };
  }
  const { host, port } = parts;
  const version = isIP(host);
  if (version === 0) {
    return { message: `"${host}" is not an IP address`, remedy: 'for every interface write 0.0.0.0 or [::]' };
  }
  if ((version === 6) !== address.startsWith('[')) return { message: 'an IPv6 address, and only that, is in brackets' };
  return port >= 1 && port <= 65535 ? undefined : { message: `the port must be 1 to 65535, not ${port}` };
}

function sizeOf(size: ByteSize | undefined): number | undefined {
  return size === undefined ? undefined : Number(size.bytes);
}
