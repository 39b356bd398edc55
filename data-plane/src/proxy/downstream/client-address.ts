import { isIPv6 } from 'node:net';

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
