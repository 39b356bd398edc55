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
