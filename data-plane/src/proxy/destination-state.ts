import type { DestinationPlan } from '@sluice/engine';
import type { KeyPart } from '../shared/index.ts';
import type { ServiceState } from './service-state.ts';

/** A service as one route uses it, with what a worker keeps ready for it. */
export interface DestinationState {
  readonly plan: DestinationPlan;
  readonly service: ServiceState;
  readonly servicePart: KeyPart;
}
