import { createPublicKey, type KeyObject } from 'node:crypto';
import { decodeBase64url } from './base64url.ts';
import { isFactorable } from './roca.ts';
import type { IssuerKeys, VerificationKey } from './token-issuer.ts';
import { type JsonObject, memberOf, parseUniqueObject } from './unique-json.ts';

/** Keys in one set; a longer set is refused. */
export const MAX_KEYS = 100;
/** The longest document of a set. */
export const MAX_KEY_SET_BYTES = 256 * 1024;

/** A set of public keys (RFC 7517, 5), and why some of it is not used. */
export interface ParsedKeySet {
  readonly keys: IssuerKeys;
  /** What its keys can verify. */
  readonly algorithms: ReadonlySet<string>;
  /** Keys that are wrong or weak. Those that are for another use, or of a kind that is not known, are passed over without a word. */
  readonly problems: readonly string[];
}

/** Reads a JWKS document. A text: why it is none. */
export function parseKeySet(text: string): ParsedKeySet | string {
  const bytes = Buffer.from(text);
  if (bytes.length > MAX_KEY_SET_BYTES) return `is longer than ${MAX_KEY_SET_BYTES} bytes`;
  const members = memberOf(parseUniqueObject(bytes, bytes.length) ?? {}, 'keys');
  if (!Array.isArray(members)) return 'is no JSON Web Key Set: an object with a list "keys"';
  if (members.length > MAX_KEYS) return `holds more than ${MAX_KEYS} keys`;
  const found: FoundKey[] = [];
  const problems: string[] = [];
  members.forEach((member: unknown, i) => {
    const key = readKey(member);
    if (typeof key === 'string') problems.push(`keys[${i}] ${key}`);
    else if (key !== undefined) found.push(key);
  });
  const algorithms = new Set(found.flatMap((key) => [...key.algorithms]));
  return { keys: indexKeys(found), algorithms, problems };
}

interface FoundKey extends VerificationKey {
  readonly keyId: string | undefined;
}

/** A key; why it is refused; undefined: it is not for us. */
function readKey(member: unknown): FoundKey | string | undefined {
  if (typeof member !== 'object' || member === null || Array.isArray(member)) return 'is no object';
  const jwk = member as JsonObject;
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) return 'holds a private or shared key';
  const use = memberOf(jwk, 'use');
  const operations = memberOf(jwk, 'key_ops');
  if (use !== undefined && use !== 'sig') return undefined;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined;
  const fitting = algorithmsOf(jwk);
  if (fitting === undefined) return undefined;
  const algorithm = memberOf(jwk, 'alg');
  const algorithms = algorithm === undefined ? fitting : fitting.filter((each) => each === algorithm);
  if (algorithms.length === 0) return undefined;
  const keyId = memberOf(jwk, 'kid');
  if (keyId !== undefined && typeof keyId !== 'string') return 'has a kid that is no text';
  const key = makeKey(jwk);
  return typeof key === 'string' ? key : { keyId, algorithms: new Set(algorithms), key };
}

/** Of a key that is no public one alone (RFC 7518, 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const CURVE_ALGORITHMS: ReadonlyMap<unknown, string> = new Map([
  ['P-256', 'ES256'],
  ['P-384', 'ES384'],
  ['P-521', 'ES512'],
]);

/** What a key could verify by its kind. Undefined: nothing that is known here. */
function algorithmsOf(jwk: JsonObject): readonly string[] | undefined {
  const curve = memberOf(jwk, 'crv');
  switch (memberOf(jwk, 'kty')) {
    case 'RSA':
      return RSA_ALGORITHMS;
    case 'EC': {
      const algorithm = CURVE_ALGORITHMS.get(curve);
      return algorithm === undefined ? undefined : [algorithm];
    }
    case 'OKP':
      return curve === 'Ed25519' ? ['EdDSA'] : undefined;
    default:
      return undefined;
  }
}

const MIN_MODULUS_BITS = 2048;
const MAX_MODULUS_BITS = 8192;
const MIN_EXPONENT = 65_537n;

function makeKey(jwk: JsonObject): KeyObject | string {
  for (const name of ['n', 'e', 'x', 'y']) {
    const member = memberOf(jwk, name);
    const isText = typeof member === 'string' && member.length <= MAX_KEY_CHARACTERS;
    if (member !== undefined && !(isText && decodeBase64url(member) > 0))
      return `has a member ${name} that is no base64url`;
  }
  let key: KeyObject;
  try {
    key = createPublicKey({ key: { ...jwk }, format: 'jwk' });
  } catch {
    return 'is not a valid key';
  }
  if (key.asymmetricKeyType !== 'rsa') return key;
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < MIN_MODULUS_BITS)
    return `is an RSA key of ${modulusLength} bits; at least ${MIN_MODULUS_BITS} are needed`;
  if (modulusLength > MAX_MODULUS_BITS) return `is an RSA key of more than ${MAX_MODULUS_BITS} bits`;
  const modulus = Buffer.from(String(memberOf(jwk, 'n')), 'base64url').toString('hex');
  if (isFactorable(modulus)) return 'is an RSA key of a generator whose keys can be factored (ROCA)';
  // An even one is none, and a large one makes each request dear.
  if (publicExponent < MIN_EXPONENT || publicExponent % 2n === 0n || publicExponent >= 1n << 64n)
    return `is an RSA key with the exponent ${publicExponent < 1n << 64n ? publicExponent : 'beyond 64 bits'}; 65537 is usual`;
  return key;
}

const MAX_KEY_CHARACTERS = 4096;

/** A key is found where exactly one could be meant. */
function indexKeys(keys: readonly FoundKey[]): IssuerKeys {
  const byAlgorithm = new Map<string, Map<string | undefined, VerificationKey | undefined>>();
  for (const key of keys) {
    for (const algorithm of key.algorithms) {
      const byId = byAlgorithm.get(algorithm) ?? new Map<string | undefined, VerificationKey | undefined>();
      byAlgorithm.set(algorithm, byId);
      for (const id of new Set([key.keyId, undefined])) byId.set(id, byId.has(id) ? undefined : key);
    }
  }
  return { find: (algorithm, keyId) => byAlgorithm.get(algorithm)?.get(keyId) };
}
