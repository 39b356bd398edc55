import ipaddr from 'ipaddr.js';
import { CannotBuild } from './cannot-build.ts';

/**
 * Whether an address lies in one of the networks (CIDR or single addresses). IPv4-mapped IPv6 addresses count as IPv4. Costs one comparison
 * for each request of a connection after its first; where a trusted proxy names the address, reading it and a comparison with each network.
 */
export function compileNetworks(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const ranges = networks.map(parseNetwork);
  return (address) => {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    return ranges.some(([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits));
  };
}

/** What an IPv4-mapped address has before the IPv4 address (RFC 4291, 2.5.5.2). */
const MAPPED_BITS = 96;

/** Whether all addresses of one network lie in another. Both are networks. */
export function covers(wide: string, narrow: string): boolean {
  const [network, bits] = parseNetwork(wide);
  const [address, length] = parseNetwork(narrow);
  return network.kind() === address.kind() && length >= bits && address.match(network, bits);
}

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

function parseNetwork(text: string): Network {
  try {
    const [address, bits] = text.includes('/') ? ipaddr.parseCIDR(text) : [ipaddr.parse(text), undefined];
    const length = bits ?? (address.kind() === 'ipv4' ? 32 : 128);
    const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && length >= MAPPED_BITS;
    return isMapped ? [address.toIPv4Address(), length - MAPPED_BITS] : [address, length];
  } catch {
    throw new CannotBuild(`${text} is no network: write it as 10.0.0.0/8 or as one address`);
  }
}
