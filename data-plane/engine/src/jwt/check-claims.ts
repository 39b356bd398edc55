import { type TokenIssuer, type TokenRefusal, tokenRefusals } from './token-issuer.ts';
import { type JsonObject, memberOf } from './unique-json.ts';

/** Why an issuer's token is not valid now, for us (RFC 7519, 4.1). Undefined: it is. `nowMs`: the wall clock. */
export function checkClaims(claims: JsonObject, issuer: TokenIssuer, nowMs: number): TokenRefusal<never> | undefined {
  const { toleranceSeconds, audiences } = issuer;
  const now = Math.floor(nowMs / 1000);
  const expires = memberOf(claims, 'exp');
  const notBefore = memberOf(claims, 'nbf');
  const issuedAt = memberOf(claims, 'iat');
  if (!isTime(expires) || !isTime(notBefore) || !isTime(issuedAt)) return tokenRefusals.claims;
  if (memberOf(claims, 'iss') !== issuer.issuer) return tokenRefusals.claims;
  if (audiences.length > 0 && !isFor(memberOf(claims, 'aud'), audiences)) return tokenRefusals.audience;
  if (expires !== undefined && expires <= now - toleranceSeconds) return tokenRefusals.expired;
  if (notBefore !== undefined && notBefore > now + toleranceSeconds) return tokenRefusals.early;
  if (issuedAt !== undefined && issuedAt > now + toleranceSeconds) return tokenRefusals.early;
  return undefined;
}

/** Until when a valid token is, in Unix milliseconds. */
export function endOf(claims: JsonObject, issuer: TokenIssuer): number {
  const expires = memberOf(claims, 'exp');
  return typeof expires === 'number' ? (expires + issuer.toleranceSeconds) * 1000 : Number.POSITIVE_INFINITY;
}

function isTime(value: unknown): value is number | undefined {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value));
}

function isFor(audience: unknown, audiences: readonly string[]): boolean {
  if (typeof audience === 'string') return audiences.includes(audience);
  return Array.isArray(audience) && audience.some((each) => audiences.includes(each as string));
}
