import { constants, hash, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { decodeBase64url, decoded } from './base64url.ts';

/** Checks a signature (RFC 7518, 3; RFC 8037, 3.1) over `input`, which is ASCII; `signature` is base64url as the token has it. */
type VerifySignature = (key: KeyObject, input: string, signature: string) => boolean;

const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
/** The two numbers of a fixed length, one after the other (RFC 7518, 3.4). */
const ECDSA = { dsaEncoding: 'ieee-p1363' } as const;

const verifiers: ReadonlyMap<string, VerifySignature> = new Map([
  ['HS256', hmac('sha256', 32, 64)],
  ['HS384', hmac('sha384', 48, 128)],
  ['HS512', hmac('sha512', 64, 128)],
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

/**
 * HMAC (RFC 2104, 2) of the digest: two hashes, each in one call, take half as long as an `Hmac` object, which is made, filled and
 * collected for each token. What is compared is the text, in constant time: only the canonical form is equal.
 */
function hmac(digest: string, bytes: number, blockBytes: number): VerifySignature {
  const padsOf = new WeakMap<KeyObject, Pads>();
  const length = Math.ceil((bytes * 4) / 3);
  const expected = Buffer.alloc(length);
  const presented = Buffer.alloc(length);
  return (key, input, signature) => {
    if (signature.length !== length) return false;
    let pads = padsOf.get(key);
    if (pads === undefined) {
      pads = makePads(key, digest, bytes, blockBytes);
      padsOf.set(key, pads);
    }
    if (message.length < blockBytes + input.length) message = Buffer.alloc(2 * (blockBytes + input.length));
    message.set(pads.inner);
    message.write(input, blockBytes, 'latin1');
    pads.outer.write(hash(digest, message.subarray(0, blockBytes + input.length), 'latin1'), blockBytes, 'latin1');
    expected.write(hash(digest, pads.outer, 'base64url'), 'latin1');
    presented.write(signature, 'latin1');
    return timingSafeEqual(expected, presented);
  };
}

/** What is hashed: the inner pad and the input. Grows with the longest token, whose length is bounded. */
let message = Buffer.alloc(4096);

interface Pads {
  readonly inner: Buffer;
  /** The outer pad, and room for the inner hash behind it. */
  readonly outer: Buffer;
}

function makePads(key: KeyObject, digest: string, bytes: number, blockBytes: number): Pads {
  const secret = key.export();
  const block = Buffer.alloc(blockBytes);
  block.set(secret.length > blockBytes ? hash(digest, secret, 'buffer') : secret);
  const outer = Buffer.alloc(blockBytes + bytes);
  outer.set(block.map((byte) => byte ^ 0x5c));
  return { inner: Buffer.from(block.map((byte) => byte ^ 0x36)), outer };
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
