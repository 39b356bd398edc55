import { hash, randomBytes } from 'node:crypto';

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Eight that are shown, and 32 that are not: 190 bits that nobody knows. */
const RANDOM_LENGTH = 40;
const prefixLength = 'slk_'.length + 8;

export interface KeySecret {
  /** `slk_` and 40 random letters and digits. Shown once, never stored. */
  readonly secret: string;
  /** The start of the secret, for people. */
  readonly prefix: string;
  /** SHA-256 of the secret. */
  readonly hash: Uint8Array;
}

export function makeKeySecret(): KeySecret {
  const secret = `slk_${randomText(RANDOM_LENGTH, alphabet)}`;
  return { secret, prefix: secret.slice(0, prefixLength), hash: new Uint8Array(hash('sha256', secret, 'buffer')) };
}

/** Each character as likely as any other: bytes past the last whole multiple are thrown away. */
export function randomText(length: number, from: string): string {
  const limit = 256 - (256 % from.length);
  let text = '';
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && text.length < length) text += from[byte % from.length];
    }
  }
  return text;
}
