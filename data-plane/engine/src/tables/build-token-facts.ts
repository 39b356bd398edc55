import { fromBinary } from '@bufbuild/protobuf';
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { RevokedTokenSchema, type SigningKey, SigningKeySchema } from '@sluice/proto';
import { parseKeySet } from '../jwt/key-set.ts';
import type { IssuerKeys } from '../jwt/token-issuer.ts';
import { CannotBuild } from './cannot-build.ts';

/** The kinds of facts that the token service makes. */
export const SIGNING_KEY_KIND = 'SigningKey';
export const REVOKED_TOKEN_KIND = 'RevokedToken';

/** A public key of the built-in issuer. */
export interface BuiltSigningKey {
  readonly kind: typeof SIGNING_KEY_KIND;
  readonly name: string;
  /** As a member of a key set (RFC 7517, 5.1). */
  readonly member: Readonly<Record<string, unknown>>;
}

export interface BuiltRevokedToken {
  readonly kind: typeof REVOKED_TOKEN_KIND;
  readonly name: string;
  /** {@link tokenKey} */
  readonly key: string;
  /** From when on, Unix milliseconds. 0: at once, whatever the clock says. */
  readonly fromMs: number;
}

export function buildSigningKey(name: string, content: Uint8Array): BuiltSigningKey {
  const member = keySetMember(fromBinary(SigningKeySchema, content));
  const set = parseKeySet(JSON.stringify({ keys: [member] }));
  if (typeof set === 'string' || set.algorithms.size !== 1) throw new CannotBuild('it is no public key');
  return { kind: SIGNING_KEY_KIND, name, member };
}

export function buildRevokedToken(name: string, content: Uint8Array): BuiltRevokedToken {
  const { issuer, tokenId, effectiveFrom } = fromBinary(RevokedTokenSchema, content);
  const fromMs = effectiveFrom === undefined ? 0 : timestampMs(effectiveFrom);
  return { kind: REVOKED_TOKEN_KIND, name, key: tokenKey(issuer, tokenId), fromMs };
}

/** Names one token of one issuer; no issuer's name has a space. */
export function tokenKey(issuer: string, tokenId: string): string {
  return `${issuer} ${tokenId}`;
}

/** The claim of tokens of the built-in issuer that names the secret of the API key that they were exchanged for. */
export const SECRET_CLAIM = 'sluice_key';

/** What stands for an id where all tokens with this {@link SECRET_CLAIM} are meant. No id that the built-in issuer gives begins so. */
export function tokensOfSecret(secretId: string): string {
  return `key:${secretId}`;
}

/** A public key as key sets write it, for its one algorithm. */
export function keySetMember({ keyId, algorithm, publicKey }: SigningKey): Readonly<Record<string, unknown>> {
  return { ...(JSON.parse(publicKey) as object), kid: keyId, alg: algorithm, use: 'sig' };
}

/** The keys of the built-in issuer, each for its one algorithm. */
export function signingKeys(members: Iterable<BuiltSigningKey['member']>): IssuerKeys {
  const set = parseKeySet(JSON.stringify({ keys: [...members] }));
  // Each was built: they are keys.
  if (typeof set === 'string') throw new Error(`the signing keys ${set}`);
  return set.keys;
}
