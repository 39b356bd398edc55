/** A host pattern in its one form. */
export interface HostPattern {
  readonly kind: 'exact' | 'wildcard' | 'any';
  /** Exact: the name in lower case. Wildcard: what follows `*.`. Any: empty. */
  readonly name: string;
  /** Labels of the name; more labels make a wildcard longer. */
  readonly labels: number;
}

/** What routes without hosts match: every request, also one without a Host. */
export const ANY_HOST: HostPattern = { kind: 'any', name: '', labels: 0 };

/**
 * Parses an exact host (name, IPv4, or IPv6 in brackets) or `*.x`. Case and one trailing dot are ignored.
 * Returns a message where it is none.
 */
export function parseHost(text: string): HostPattern | string {
  const lower = text.toLowerCase();
  const wildcard = lower.startsWith('*.');
  const dotted = wildcard ? lower.slice(2) : lower;
  const name = dotted.endsWith('.') ? dotted.slice(0, -1) : dotted;
  if (!wildcard && IPV6.test(name)) return { kind: 'exact', name, labels: 1 };
  const message = checkName(name, text);
  if (message !== undefined) return message;
  return { kind: wildcard ? 'wildcard' : 'exact', name, labels: name.split('.').length };
}

/**
 * The form hosts are looked up by: lower case, no port, no trailing dot. Returns its argument where nothing is to be done.
 * It does not validate: what is no host finds no host.
 */
export function normalizeHost(host: string): string {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    if (code === COLON || code === BRACKET || (code >= 0x41 && code <= 0x5a)) return rewriteHost(host);
  }
  return host.charCodeAt(host.length - 1) === DOT ? host.slice(0, -1) : host;
}

const COLON = 0x3a;
const BRACKET = 0x5b;
const DOT = 0x2e;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/;

function rewriteHost(host: string): string {
  const colon = host.charCodeAt(0) === BRACKET ? host.indexOf(':', host.indexOf(']')) : host.indexOf(':');
  const end = colon === -1 ? host.length : colon;
  return host.slice(0, end > 0 && host.charCodeAt(end - 1) === DOT ? end - 1 : end).toLowerCase();
}

function checkName(name: string, text: string): string | undefined {
  if (name === '' || text === '*') return `${JSON.stringify(text)} is not a host; leave hosts out to match every host`;
  if (name.includes('*'))
    return `${JSON.stringify(text)} may hold "*" only as its whole first label, as in "*.example.com"`;
  if (name.includes('/')) return `${JSON.stringify(text)} must be a host alone, without scheme and path`;
  if (name.includes(':')) return `${JSON.stringify(text)} must not have a port: hosts match on every port`;
  if (/[^\0-\x7f]/.test(name)) return `${JSON.stringify(text)} must be written in its ASCII form (xn--...)`;
  if (name.length > 253) return 'a host has at most 253 characters';
  if (!name.split('.').every((label) => LABEL.test(label))) {
    return `${JSON.stringify(text)} must be labels of letters, digits, "-" and "_" joined by dots, each 1 to 63 long`;
  }
  return undefined;
}
