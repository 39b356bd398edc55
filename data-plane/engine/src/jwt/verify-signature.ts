import { constants, createHmac, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { decodeBase64url, decoded } from './base64url.ts';

/** Checks a signature (RFC 7518, 3; RFC 8037, 3.1) over `input`, which is ASCII; `signature` is base64url as the token has it. */
type VerifySignature = (key: KeyObject, input: string, signature: string) => boolean;

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
/** The two numbers of a fixed length, one after the other (RFC 7518, 3.4). */
const ECDSA = { dsaEncoding: 'ieee-p1363' } as const;

const verifiers: ReadonlyMap<string, VerifySignature> = new Map([
  ['HS256', hmac('sha256', 32)],
  ['HS384', hmac('sha384', 48)],
  ['HS512', hmac('sha512', 64)],
  ['RS256', asymmetric('sha256', PKCS1)],
  ['RS384', asymmetric('sha384', PKCS1)],
  ['RS512', asymmetric('sha512', PKCS1)],
  ['PS256', asymmetric('sha256', PSS)],
  ['PS384', asymmetric('sha384', PSS)],
  ['PS512', asymmetric('sha512', PSS)],
  ['ES256', asymmetric('sha256', ECDSA)],
  ['ES384', asymmetric('sha384', ECDSA)],
  ['ES512', asymmetric('sha512', ECDSA)],
  ['EdDSA', asymmetric(null, {})],
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

interface SignatureForm {
  readonly padding?: number;
  readonly saltLength?: number;
  readonly dsaEncoding?: 'ieee-p1363';
}

function asymmetric(digest: string | null, form: SignatureForm): VerifySignature {
  return (key, input, signature) => {
    const length = decodeBase64url(signature);
    if (length <= 0) return false;
    return verify(digest, Buffer.from(input, 'latin1'), { key, ...form }, decoded.subarray(0, length));
  };
}
