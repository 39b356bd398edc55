import type { DestinationPlan } from '@sluice/engine';
import type { KeyPart } from '../../shared/index.ts';
import type { ResponseState } from '../response-state.ts';
import type { ServiceState } from './service-state.ts';

/** A service as one route uses it, with what a worker keeps ready for it. */
export interface DestinationState {
  readonly plan: DestinationPlan;
  readonly service: ServiceState;
  readonly servicePart: KeyPart;
  /** What is served where its service cannot, in order. */
  readonly fallbacks: readonly FallbackState[];
}

export type FallbackState =
  | {
      readonly kind: 'service';
      readonly destination: DestinationState /** Counter of its uses. */;
      readonly uses: number;
    }
  | { readonly kind: 'staleCache' /** How old it may be. */; readonly maxAgeMs: number; readonly uses: number }
  | { readonly kind: 'response'; readonly response: ResponseState; readonly uses: number };
