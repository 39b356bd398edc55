import type { KeyObject } from 'node:crypto';

/** Whose tokens are accepted, and how they are verified. */
export interface TokenIssuer {
  /** Its `iss`. */
  readonly issuer: string;
  /** Accepted `aud`; empty: any. */
  readonly audiences: readonly string[];
  /** Accepted algorithms (RFC 7518, 3.1). */
  readonly algorithms: ReadonlySet<string>;
  readonly toleranceSeconds: number;
  /** Undefined: they were never there, and nothing can be said of a token. */
  readonly keys: IssuerKeys | undefined;
}

/** A key, and the algorithms that it may be used with. */
export interface VerificationKey {
  readonly algorithms: ReadonlySet<string>;
  readonly key: KeyObject;
}

export interface IssuerKeys {
  /** The one key for tokens with this header; undefined where there is none, or more than one could be meant. */
  find(algorithm: string, keyId: string | undefined): VerificationKey | undefined;
}

/** Why a token is refused: a reason as metrics count it, and words for the caller that say nothing of the token. */
export interface TokenRefusal<Issuer extends TokenIssuer = TokenIssuer> {
  /** `unavailable`: it is not known whether the token is valid. */
  readonly reason: 'malformed' | 'unknown' | 'signature' | 'claims' | 'expired' | 'revoked' | 'unavailable';
  readonly detail: string;
  /** The issuer that has no such key, or no keys at all, as far as is known. */
  readonly lacking?: Issuer;
}

export const tokenRefusals = {
  malformed: { reason: 'malformed', detail: 'The token is malformed.' },
  issuer: { reason: 'unknown', detail: 'The token is of no issuer that is accepted here.' },
  keys: { reason: 'unavailable', detail: 'The keys of the issuer of the token are not known at the moment.' },
  key: { reason: 'unknown', detail: 'The key of the token is not known.' },
  signature: { reason: 'signature', detail: 'The signature of the token does not verify.' },
  claims: { reason: 'claims', detail: 'A claim of the token has no valid value.' },
  audience: { reason: 'claims', detail: 'The token is for another audience.' },
  early: { reason: 'claims', detail: 'The token is not valid yet.' },
  expired: { reason: 'expired', detail: 'The token has expired.' },
  revoked: { reason: 'revoked', detail: 'The token was revoked.' },
  consumer: { reason: 'unknown', detail: 'The consumer of the token is not known.' },
} as const satisfies Record<string, TokenRefusal<never>>;
