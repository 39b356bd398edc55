/** Who calls: how requests authenticate, and whom that makes them. */

import type { AuthorizationPlan } from '../decide/authorize.ts';
import type { ValidationPlan } from '../decide/validation.ts';
import type { TokenIssuer } from '../jwt/token-issuer.ts';
import type { BucketPlan } from './limit-plan.ts';

export interface AuthPlan {
  readonly methods: readonly AuthMethodPlan[];
  /** Requests without any credential pass as anonymous. */
  readonly optional: boolean;
}

/** What policies in dry run would refuse; each with the slot of the policy that says so. */
export interface DryRunPlan {
  readonly auth: { readonly plan: AuthPlan; readonly policySlot: number } | undefined;
  readonly authorization:
    | {
        readonly caller: AuthorizationPlan | undefined;
        readonly admits: ((address: string) => boolean) | undefined;
        readonly policySlot: number;
      }
    | undefined;
  readonly validation: { readonly plan: ValidationPlan; readonly policySlot: number } | undefined;
}

export type AuthMethodPlan = ApiKeyMethodPlan | JwtMethodPlan;

export interface JwtMethodPlan {
  readonly kind: 'jwt';
  /** Names of the issuers whose tokens are accepted. */
  readonly issuers: readonly string[];
  /** In lower case. `authorization` holds the token after `Bearer`, any other the token alone. */
  readonly header: string;
  readonly forward: boolean;
}

/** Whose tokens are accepted, and whom they stand for. A changed issuer is another object. */
export interface IssuerPlan extends TokenIssuer {
  readonly name: string;
  /** Its keys are fetched: one that is not known may be new. */
  readonly isFetched: boolean;
  /** Undefined: its tokens stand for no consumer. */
  readonly consumer: { readonly claim: string; readonly admitsUnknown: boolean } | undefined;
  readonly scopesClaim: string;
  readonly groupsClaim: string;
}

export interface ApiKeyMethodPlan {
  readonly kind: 'apiKey';
  readonly location: 'header' | 'query' | 'cookie';
  /** The header's name in lower case, or the query parameter's or the cookie's as written. */
  readonly name: string;
  readonly forward: boolean;
}

export interface ConsumerPlan {
  readonly name: string;
  /** Of its API keys. */
  readonly scopes: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Buckets by limit name that replace the limit's own. */
  readonly overrides: ReadonlyMap<string, BucketPlan> | undefined;
}

/** An API key as it is found by one of its secrets. */
export interface FoundApiKey {
  readonly name: string;
  /** By name; it may not be there. */
  readonly consumer: string;
  /** As in {@link ApiKeyPlan}. */
  readonly expiresAtMs: number;
  readonly overrides: ReadonlyMap<string, BucketPlan> | undefined;
}

/** Where API keys are looked up. */
export interface ApiKeySource {
  /** By the SHA-256 of a secret. Of several, the one that is good for longest. */
  find(secretHash: Uint8Array): FoundApiKey | undefined;
}

/** An API key that authenticates: looked up by the SHA-256 of what the client presents. */
export interface ApiKeyPlan {
  readonly name: string;
  readonly consumer: ConsumerPlan;
  /** Unix milliseconds; Infinity: never. The earlier of the key's expiry and, for a rotated secret, the end of its grace. */
  readonly expiresAtMs: number;
  readonly overrides: ReadonlyMap<string, BucketPlan> | undefined;
}
