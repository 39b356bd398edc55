import { isIPv6 } from 'node:net';

/** An address as it is shown and counted by: IPv4 also where it came mapped into IPv6, no zone. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

/**
 * The client a request comes from: behind trusted proxies the nearest address of X-Forwarded-For that is not one of them, and
 * where all are, the farthest. `forwardedFor` is the whole list, `peer` trusted. What is no address ends the search.
 */
export function clientAddress(peer: string, forwardedFor: string, trusts: (address: string) => boolean): string {
  let client = peer;
  const hops = forwardedFor.split(',');
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = plainAddress((hops[i] as string).trim());
    if (!ADDRESS.test(hop)) return client;
    client = hop;
    if (!trusts(hop)) return client;
  }
  return client;
}

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/;

/** What limits by client address count by: an IPv4 address, or the /64 of an IPv6 one. */
export function addressGroup(address: string): string {
  if (!isIPv6(address)) return address;
  const [left = '', right] = address.toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  if (right === undefined) return prefixOf(head);
  const tail = right === '' ? [] : right.split(':');
  const words = tail.length + (right.includes('.') ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - words) }, () => '0');
  return prefixOf([...head, ...zeros, ...tail]);
}

function prefixOf(groups: readonly string[]): string {
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
