import { createHmac } from 'node:crypto';

/** A token (RFC 7515, compact form) signed with a shared secret; header and claims may say anything. */
export function hmacToken(secret: string, claims: object | string, header: object | string = { alg: 'HS256' }): string {
  const encode = (part: object | string) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

/** Now, as tokens say it. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
