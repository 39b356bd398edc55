import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** Checks a signature (RFC 7518, 3) over `input` in ASCII; `signature` is its base64url as the token has it. */
type VerifySignature = (key: KeyObject, input: string, signature: string) => boolean;

const verifiers: ReadonlyMap<string, VerifySignature> = new Map([
  ['HS256', hmac('sha256', 32)],
  ['HS384', hmac('sha384', 48)],
  ['HS512', hmac('sha512', 64)],
]);

/** Whether the signature is the key's. False too for algorithms that are not known. */
export function verifySignature(algorithm: string, key: KeyObject, input: string, signature: string): boolean {
  return verifiers.get(algorithm)?.(key, input, signature) ?? false;
}

/** What is compared is the text, in constant time: only the canonical form is equal. */
function hmac(digest: string, bytes: number): VerifySignature {
  const length = Math.ceil((bytes * 4) / 3);
  const expected = Buffer.alloc(length);
  const presented = Buffer.alloc(length);
  return (key, input, signature) => {
    if (signature.length !== length) return false;
    expected.write(createHmac(digest, key).update(input, 'latin1').digest('base64url'), 'latin1');
    presented.write(signature, 'latin1');
    return timingSafeEqual(expected, presented);
  };
}
