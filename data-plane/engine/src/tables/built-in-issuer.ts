import type { Signing } from '@sluice/proto';
import type { IssuerPlan } from './caller-plan.ts';
import { durationMs } from './read-duration.ts';

/** The issuer whose tokens the control plane signs. It is there without being configured. */
export const BUILT_IN_ISSUER = 'sluice';

/** What it may sign with; which one a token is signed with, its key decides. */
export const SIGNING_ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'RS256', 'PS256', 'EdDSA'];

/** Where nothing else is configured. Its keys are facts. */
export const builtInIssuer: IssuerPlan = {
  name: BUILT_IN_ISSUER,
  issuer: BUILT_IN_ISSUER,
  isFetched: false,
  audiences: [],
  algorithms: new Set(SIGNING_ALGORITHMS),
  toleranceSeconds: 30,
  keys: { find: () => undefined },
  consumer: { claim: 'sub', admitsUnknown: false },
  scopesClaim: 'scope',
  groupsClaim: 'groups',
};

/** How it signs. */
export interface SigningPlan {
  readonly algorithm: string;
  readonly lifetimeMs: number;
  readonly rotateEveryMs: number;
}

export function signingPlan(signing: Signing | undefined): SigningPlan {
  return {
    algorithm: signing?.algorithm || 'ES256',
    lifetimeMs: durationMs(signing?.lifetime, 15 * 60_000),
    rotateEveryMs: durationMs(signing?.rotateEvery, 30 * 86_400_000),
  };
}
