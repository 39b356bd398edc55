/** An address as it is shown and counted by: IPv4 also where it came mapped into IPv6, no zone. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice(7);
  const zone = address.indexOf('%');
  return zone < 0 ? address : address.slice(0, zone);
}

/**
 * The client a request comes from: behind trusted proxies the nearest address of X-Forwarded-For that is not one of them, and
 * where all are, the farthest. `forwardedFor` is the whole list, `peer` trusted. What is no address, perhaps with a port, ends
 * the search.
 */
export function clientAddress(peer: string, forwardedFor: string, trusts: (address: string) => boolean): string {
  let client = peer;
  const hops = forwardedFor.split(',');
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = plainAddress(withoutPort((hops[i] as string).trim()));
    if (!ADDRESS.test(hop)) return client;
    client = hop;
    if (!trusts(hop)) return client;
  }
  return client;
}

/** The nodes that a Forwarded field names (RFC 7239, 5.2), as X-Forwarded-For lists them. Undefined: it names none. */
export function forwardedNodes(forwarded: string): string | undefined {
  const nodes: string[] = [];
  for (const [, quoted, token] of forwarded.matchAll(FOR)) {
    const node = quoted ?? token;
    if (node !== undefined) nodes.push(node);
  }
  return nodes.length === 0 ? undefined : nodes.join(', ');
}

/**
 * One `for` of each element; what is quoted elsewhere is passed over whole, to the end where its quote is missing, so that nothing in it is
 * taken for one and the time is linear.
 */
const FOR = /(?:^|[,;])[ \t]*for=(?:"([^"\\,]*)"|([^",; \t]*))|"(?:[^"\\]|\\.)*(?:"|\\?$)/gi;

/** Some proxies name the port too: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(node: string): string {
  const match = /^(?:\[([^\]]*)\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?$/.exec(node);
  return match?.[1] ?? match?.[2] ?? node;
}

const ADDRESS = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/;
