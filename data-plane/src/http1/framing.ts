import { type Refusal, refuse } from './refusal.ts';

/** How a body ends: `none` there is none; `length` after contentLength bytes; `chunked`; `close` with the connection. */
export type BodyKind = 'none' | 'length' | 'chunked' | 'close';

/** What the fields read so far say about framing and the connection. Shared by both directions. */
export interface Framing {
  /** Value of Content-Length, -1 where absent. */
  contentLength: number;
  /** Transfer-Encoding is exactly `chunked`. */
  chunked: boolean;
  /** Connection lists `close`. */
  closeAsked: boolean;
  /** Connection lists `keep-alive`. */
  keepAliveAsked: boolean;
  /** Names listed in Connection other than close, keep-alive and upgrade, in lower case; null where none. */
  connectionTokens: string[] | null;
  /** Connection lists `upgrade`. */
  upgradeAsked: boolean;
}

const DIGITS = /^\d{1,16}$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const MAX_CONNECTION_TOKENS = 32;

const BOTH_LENGTHS = refuse('bad_request', 'both Content-Length and Transfer-Encoding');
const LENGTH_REPEATED = refuse('bad_request', 'more than one Content-Length');
const LENGTH_INVALID = refuse('bad_request', 'invalid Content-Length');
const CODING_OLD = refuse('bad_request', 'Transfer-Encoding in HTTP/1.0');
const CODING_REPEATED = refuse('bad_request', 'more than one Transfer-Encoding');
const CODING_INVALID = refuse('bad_request', 'invalid Transfer-Encoding');
const CODING_UNKNOWN = refuse('not_implemented', 'transfer coding other than chunked');
const CONNECTION_INVALID = refuse('bad_request', 'invalid Connection');

/** RFC 9110 8.6: digits only, once, up to 2^53 - 1; a list of equal values is refused as well. */
export function readContentLength(framing: Framing, value: string): Refusal | null {
  if (framing.contentLength >= 0) return LENGTH_REPEATED;
  if (framing.chunked) return BOTH_LENGTHS;
  if (!DIGITS.test(value)) return LENGTH_INVALID;
  const length = Number(value);
  if (length > Number.MAX_SAFE_INTEGER) return LENGTH_INVALID;
  framing.contentLength = length;
  return null;
}

/**
 * RFC 9112 6.1: exactly one `chunked`, only in HTTP/1.1, never beside a length.
 */
export function readTransferEncoding(framing: Framing, value: string, minor: number): Refusal | null {
  if (minor === 0) return CODING_OLD;
  if (framing.chunked) return CODING_REPEATED;
  if (framing.contentLength >= 0) return BOTH_LENGTHS;
  if (value !== 'chunked' && value.toLowerCase() !== 'chunked') return refuseCoding(value);
  framing.chunked = true;
  return null;
}

function refuseCoding(value: string): Refusal {
  const codings = value.toLowerCase().split(',').map(trimmed);
  if (!codings.every((coding) => TOKEN.test(coding))) return CODING_INVALID;
  const chunked = codings.indexOf('chunked');
  return chunked < 0 || (chunked === codings.length - 1 && codings.length > 1) ? CODING_UNKNOWN : CODING_INVALID;
}

/** RFC 9110 7.6.1. May be called for several Connection fields. */
export function readConnection(framing: Framing, value: string): Refusal | null {
  if (value === 'keep-alive') {
    framing.keepAliveAsked = true;
    return null;
  }
  for (const part of value.toLowerCase().split(',')) {
    const token = trimmed(part);
    if (token === '') continue;
    if (token === 'close') framing.closeAsked = true;
    else if (token === 'keep-alive') framing.keepAliveAsked = true;
    else if (token === 'upgrade') framing.upgradeAsked = true;
    else {
      framing.connectionTokens ??= [];
      if (!TOKEN.test(token) || framing.connectionTokens.length >= MAX_CONNECTION_TOKENS) return CONNECTION_INVALID;
      framing.connectionTokens.push(token);
    }
  }
  return null;
}

/** RFC 9112 9.3: HTTP/1.1 stays open unless told `close`, HTTP/1.0 only when told `keep-alive`; `close` wins. */
export function keepsAlive(framing: Framing, minor: number): boolean {
  return !framing.closeAsked && (minor === 1 || framing.keepAliveAsked);
}

/** Without spaces and tabs around it; `trim` would also take what is no white space in HTTP. */
export function trimmed(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
