import { createHmac } from 'node:crypto';

/** HS256 tokens (RFC 7519) as an issuer that shares a secret with the gateway makes them. */

export const issuer = 'https://issuer.bench.example.com/';
export const tokenSecret = 'a-secret-of-the-bench-that-is-long-enough-for-hs256';

export type TokenClaims = {
  readonly sub: string;
  /** Makes the token differ from every other of the same consumer. */
  readonly jti: string;
  readonly iss?: string;
  /** Seconds since 1970. Default: in a day. */
  readonly exp?: number;
};

const header = encode({ alg: 'HS256', typ: 'JWT' });

/** A signed token; with another `secret` than the issuer's, one whose signature is wrong. */
export function signToken(claims: TokenClaims, secret = tokenSecret): string {
  const now = Math.floor(Date.now() / 1000);
  const payload = encode({ iss: issuer, aud: 'bench', scope: 'read write', iat: now, exp: now + 86_400, ...claims });
  const signed = `${header}.${payload}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** One token for each consumer, in their order: what clients send that keep their token. */
export function signRepeating(consumers: readonly string[]): string[] {
  return consumers.map((sub, n) => signToken({ sub, jti: `kept-${n}` }));
}

/** An endless row of tokens none of which was ever made before, the consumers in turn. */
export function* signFresh(consumers: readonly string[]): Generator<string, never> {
  const run = `${process.pid}-${Date.now()}`;
  for (let n = 0; ; n += 1) yield signToken({ sub: consumers[(n * 7) % consumers.length]!, jti: `${run}-${n}` });
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
