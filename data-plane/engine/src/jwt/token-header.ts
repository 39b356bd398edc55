import { decodeBase64url, decoded } from './base64url.ts';
import { memberOf, parseUniqueObject } from './unique-json.ts';

/** What of a token's header counts (RFC 7515, 4.1). Keys and addresses that it names itself are never looked at. */
export interface TokenHeader {
  readonly algorithm: string;
  readonly keyId: string | undefined;
}

/** Types of tokens that stand for access (RFC 7519, 5.1; RFC 9068, 2.1); tokens made for another use name another (RFC 8725, 3.11). */
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** Reads a token's first segment. Undefined where it is malformed, of another type, or asks for extensions (`crit`): none is known. */
export function readTokenHeader(segment: string): TokenHeader | undefined {
  const length = decodeBase64url(segment);
  const header = length < 0 ? undefined : parseUniqueObject(decoded, length);
  if (header === undefined || Object.hasOwn(header, 'crit')) return undefined;
  const type = memberOf(header, 'typ');
  if (type !== undefined && !(typeof type === 'string' && TYPES.has(type.toLowerCase()))) return undefined;
  const algorithm = memberOf(header, 'alg');
  const keyId = memberOf(header, 'kid');
  if (typeof algorithm !== 'string' || (keyId !== undefined && typeof keyId !== 'string')) return undefined;
  return { algorithm, keyId };
}
