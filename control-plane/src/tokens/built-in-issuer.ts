import { BUILT_IN_ISSUER, type SigningPlan, signingPlan } from '@sluice/engine';
import type { ControlContext } from '../config/context.ts';

/** The built-in issuer as it is configured, or as it is without. */
export interface BuiltInIssuer {
  /** Its `iss`. */
  readonly issuer: string;
  /** Whom its tokens are for. Empty: anyone. */
  readonly audiences: readonly string[];
  readonly signing: SigningPlan;
}

export function readBuiltInIssuer({ state }: ControlContext): BuiltInIssuer {
  const spec = state.config.index.get(`Issuer/${BUILT_IN_ISSUER}`)?.resource.spec;
  if (spec?.case !== 'issuer') return { issuer: BUILT_IN_ISSUER, audiences: [], signing: signingPlan(undefined) };
  const { issuer, audiences, keySource } = spec.value;
  const signing = signingPlan(keySource.case === 'signing' ? keySource.value : undefined);
  return { issuer, audiences, signing };
}
