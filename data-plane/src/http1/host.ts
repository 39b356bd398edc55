import { isIPv6 } from 'node:net';
import { detached } from './header-id.ts';

/** A host as the gateway routes, caches and forwards by it: one spelling for each. */
export interface Host {
  /** Lower case, without port and without the trailing dot of a fully qualified name; IPv6 in brackets. */
  readonly name: string;
  /** 1-65535, or 0 where none was given. */
  readonly port: number;
  /** `name` or `name:port`: what is written into a forwarded Host. */
  readonly authority: string;
}

const HOST = /^(?:([a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?|\[([0-9a-f:.]{2,45})\])(?::(\d{1,5}))?$/i;
const MAX_LENGTH = 261;
const MAX_REMEMBERED = 1024;
const remembered = new Map<string, Host>();
let lastText = '';
let lastHost: Host | undefined;

/**
 * Reads a Host value or the authority of an absolute target: `reg-name`, IPv4 or `[IPv6]`, and an optional port.
 * Undefined for all else: empty, lists, user information, percent-encoding, sub-delimiters, zone ids, an empty or
 * impossible port (RFC 9110 7.2 allows refusing what cannot be a host name the gateway serves).
 */
export function parseHost(text: string): Host | undefined {
  // Requests of one connection, and often of all, name the same host: comparing is cheaper than finding.
  if (text === lastText) return lastHost;
  const host = remembered.get(text) ?? readHost(text);
  if (host !== undefined) {
    lastText = text;
    lastHost = host;
  }
  return host;
}

function readHost(text: string): Host | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const match = HOST.exec(text);
  if (match === null) return undefined;
  const [, name, ipv6, digits] = match;
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined;
  const port = digits === undefined ? 0 : Number(digits);
  if (digits !== undefined && (port < 1 || port > 65535)) return undefined;
  const spelled = detached((name ?? `[${ipv6}]`).toLowerCase());
  const authority = port === 0 ? spelled : `${spelled}:${port}`;
  const host: Host = { name: spelled, port, authority };
  if (remembered.size >= MAX_REMEMBERED) remembered.clear();
  remembered.set(detached(text), host);
  return host;
}
