import { createSecretKey } from 'node:crypto';
import type { IssuerKeys, VerificationKey } from './token-issuer.ts';

/** The bytes that a secret needs for an algorithm: as many as its hash has (RFC 7518, 3.2). */
export const SECRET_BYTES: ReadonlyMap<string, number> = new Map([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
]);

/** A secret's own bytes: its text without the end of its last line, which files have. */
export function secretBytes(text: string): Buffer {
  return Buffer.from(text.replace(/\r?\n$/, ''));
}

/** One key for all tokens, whatever key they name; for the algorithms that it is long enough for. */
export function sharedKey(secret: Buffer): IssuerKeys {
  const algorithms = new Set<string>();
  for (const [algorithm, bytes] of SECRET_BYTES) if (secret.length >= bytes) algorithms.add(algorithm);
  const key: VerificationKey = { algorithms, key: createSecretKey(secret) };
  return { find: () => key };
}
