import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { verifySignature } from './verify-signature.ts';

const ascii = fc.string({ unit: 'binary-ascii', maxLength: 16 * 1024 });
/** Shorter and longer than a block of each hash, which is another way through RFC 2104. */
const secrets = fc.uint8Array({ minLength: 1, maxLength: 300 });

test.each([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
])('%s is the HMAC that OpenSSL makes, and no other', (algorithm, digest) => {
  fc.assert(
    fc.property(secrets, ascii, fc.nat(), (bytes, input, at) => {
      const key = createSecretKey(bytes);
      const signature = createHmac(digest, key).update(input, 'latin1').digest('base64url');
      const place = at % signature.length;
      const other = signature[place] === 'A' ? 'B' : 'A';
      expect(verifySignature(algorithm, key, input, signature)).toBe(true);
      expect(verifySignature(algorithm, key, `${input}.`, signature)).toBe(false);
      expect(verifySignature(algorithm, key, input, signature.slice(1))).toBe(false);
      expect(verifySignature(algorithm, key, input, replaceAt(signature, place, other))).toBe(false);
    }),
  );
});

function replaceAt(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}
