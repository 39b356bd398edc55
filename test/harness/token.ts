import { createHmac, type KeyObject, sign } from 'node:crypto';

/** A token (RFC 7515, compact form) signed with a shared secret; header and claims may say anything. */
export function hmacToken(secret: string, claims: object | string, header: object | string = { alg: 'HS256' }): string {
  const input = signingInput(header, claims);
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** A token signed with a private key by ES256, or by RS256 where it is an RSA key. */
export function signedToken(key: KeyObject, claims: object | string, header: object | string): string {
  const input = signingInput(header, claims);
  return `${input}.${sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function signingInput(...parts: readonly (object | string)[]): string {
  return parts
    .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
    .join('.');
}

/** Now, as tokens say it. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
