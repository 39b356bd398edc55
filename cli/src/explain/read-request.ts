import { isIP } from 'node:net';
import type { AssumedCaller, ExplainedRequest } from '@sluice/engine';

/** What is said of a request: by flags, or in a line of a file. */
export interface RequestWords {
  readonly method: string;
  /** `http://HOST/PATH`, or a path alone. */
  readonly url: string;
  /** Each `name: value`. */
  readonly headers: readonly string[];
  /** The consumer that it is asked as. */
  readonly as?: string;
  readonly scopes?: readonly string[];
  readonly groups?: readonly string[];
  readonly claims?: Readonly<Record<string, unknown>>;
  /** The address that it comes from. */
  readonly from?: string;
  readonly body?: string;
}

/** @returns the request, or what is wrong with the words */
export function readRequest(words: RequestWords, listener: string): ExplainedRequest | string {
  const { method, url, from } = words;
  // An empty body is none (RFC 9110, 6.4.1).
  const body = words.body ? new TextEncoder().encode(words.body) : undefined;
  if (!TOKEN.test(method)) return `"${method}" is no method`;
  const headers = readHeaders(words.headers);
  if (typeof headers === 'string') return headers;
  const place = readUrl(url);
  if (typeof place === 'string') return place;
  if (from !== undefined && isIP(from) === 0) return `"${from}" is no IP address`;
  const host = headers.get('host') ?? place.host;
  headers.delete('host');
  return { listener, method, host, target: place.target, headers, body, address: from, caller: readCaller(words) };
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** The path and the query stay as they are written: what a gateway makes of them is the question. */
const URL_PARTS = /^(?:https?:\/\/([^/?#\s]+))?([/?][^\s#]*)?$/i;

function readUrl(url: string): { readonly host: string | undefined; readonly target: string } | string {
  if (url === '*') return { host: undefined, target: url };
  const parts = URL_PARTS.exec(url);
  if (parts === null || url === '') return `"${url}" is neither a URL (http://HOST/PATH) nor a path (/PATH)`;
  const [, host, target = '/'] = parts;
  if (host?.includes('@')) return `"${url}" holds a user; give credentials by what they stand for: --as CONSUMER`;
  return { host, target: target.startsWith('?') ? `/${target}` : target };
}

function readHeaders(lines: readonly string[]): Map<string, string> | string {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!TOKEN.test(name) || /[\r\n\0]/.test(value)) return `"${line}" is no header; write NAME: VALUE`;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Anything said of a caller means that there is one. */
function readCaller({ as, scopes = [], groups = [], claims }: RequestWords): AssumedCaller | undefined {
  if (as === undefined && claims === undefined && scopes.length === 0 && groups.length === 0) return undefined;
  return { consumer: as, scopes, groups, claims: claims ?? null };
}
