import { decodeBase64url, decoded } from './base64url.ts';
import { checkClaims } from './check-claims.ts';
import { readTokenHeader, type TokenHeader } from './token-header.ts';
import { type TokenIssuer, type TokenRefusal, tokenRefusals } from './token-issuer.ts';
import { type JsonObject, memberOf, parseUniqueObject } from './unique-json.ts';
import { verifySignature } from './verify-signature.ts';

/** Longer tokens are refused unread. */
export const MAX_TOKEN_LENGTH = 16 * 1024;

/** A token whose signature and claims hold. */
export interface VerifiedToken<Issuer extends TokenIssuer> {
  readonly issuer: Issuer;
  readonly claims: JsonObject;
}

/** Headers of tokens that verified: issuers use few of them. Copied texts, so that nothing larger stays alive. */
const knownHeaders = new Map<string, TokenHeader>();
const MAX_KNOWN_HEADERS = 256;
const MAX_KNOWN_HEADER_LENGTH = 256;

/**
 * Verifies a token in the compact form (RFC 7515, 3.1; RFC 7519, 7.2). Its issuer is the one of those given that its `iss` names, the
 * algorithm one that this issuer is configured with, the key one of this issuer's: the token chooses nothing beyond that. Costs one lookup
 * of the token as it is written, where a worker has seen it; else strict parsing, the signature's arithmetic and the claims' objects.
 * @param issuers in the order they are tried where several have one `iss`
 * @param nowMs the wall clock
 */
export function verifyToken<Issuer extends TokenIssuer>(
  token: string,
  issuers: readonly Issuer[],
  nowMs: number,
): VerifiedToken<Issuer> | TokenRefusal<Issuer> {
  const headerEnd = token.indexOf('.');
  const inputEnd = findSignature(token, headerEnd);
  if (inputEnd < 0) return tokenRefusals.malformed;
  const headerText = token.slice(0, headerEnd);
  const header = knownHeaders.get(headerText) ?? readTokenHeader(headerText);
  const length = header === undefined ? -1 : decodeBase64url(token.slice(headerEnd + 1, inputEnd));
  const claims = length < 0 ? undefined : parseUniqueObject(decoded, length);
  if (header === undefined || claims === undefined) return tokenRefusals.malformed;

  const name = memberOf(claims, 'iss');
  let refusal: TokenRefusal<Issuer> = tokenRefusals.issuer;
  for (const issuer of issuers) {
    if (issuer.issuer !== name) continue;
    const found = verifyAs(issuer, header, token, inputEnd) ?? checkClaims(claims, issuer, nowMs);
    if (found === undefined) {
      remember(headerText, header);
      return { issuer, claims };
    }
    refusal = found === tokenRefusals.key || found === tokenRefusals.keys ? { ...found, lacking: issuer } : found;
  }
  return refusal;
}

/** Whether a token is signed by a key of these, whatever it says (RFC 7515, 5.2). */
export function isSignedBy(issuer: Pick<TokenIssuer, 'algorithms' | 'keys'>, token: string): boolean {
  const headerEnd = token.indexOf('.');
  const inputEnd = findSignature(token, headerEnd);
  if (inputEnd < 0 || decodeBase64url(token.slice(headerEnd + 1, inputEnd)) < 0) return false;
  const header = readTokenHeader(token.slice(0, headerEnd));
  return header !== undefined && verifyAs(issuer, header, token, inputEnd) === undefined;
}

/** Where the second of exactly two dots is; -1 for what has others, or is too long. */
function findSignature(token: string, headerEnd: number): number {
  if (headerEnd <= 0 || token.length > MAX_TOKEN_LENGTH) return -1;
  const inputEnd = token.indexOf('.', headerEnd + 1);
  return inputEnd >= 0 && token.indexOf('.', inputEnd + 1) < 0 ? inputEnd : -1;
}

function verifyAs(
  { algorithms, keys }: Pick<TokenIssuer, 'algorithms' | 'keys'>,
  { algorithm, keyId }: TokenHeader,
  token: string,
  inputEnd: number,
): TokenRefusal<never> | undefined {
  if (!algorithms.has(algorithm)) return tokenRefusals.signature;
  if (keys === undefined) return tokenRefusals.keys;
  const found = keys.find(algorithm, keyId);
  if (found === undefined) return tokenRefusals.key;
  if (!found.algorithms.has(algorithm)) return tokenRefusals.signature;
  const isSigned = verifySignature(algorithm, found.key, token.slice(0, inputEnd), token.slice(inputEnd + 1));
  return isSigned ? undefined : tokenRefusals.signature;
}

function remember(text: string, header: TokenHeader): void {
  if (knownHeaders.size >= MAX_KNOWN_HEADERS || text.length > MAX_KNOWN_HEADER_LENGTH || knownHeaders.has(text)) return;
  knownHeaders.set(Buffer.from(text, 'latin1').toString('latin1'), header);
}
