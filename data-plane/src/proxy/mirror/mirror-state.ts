import type { MirrorPlan } from '@sluice/engine';
import type { MetricsRecorder } from '../../shared/index.ts';
import type { ServiceState } from '../upstream/service-state.ts';

/** Where copies of a route's requests go, with the series that count them. */
export interface MirrorState {
  readonly plan: MirrorPlan;
  readonly service: ServiceState;
  readonly answered: number;
  readonly failed: number;
  readonly dropped: number;
}

export function mirrorState(plan: MirrorPlan, service: ServiceState, metrics: MetricsRecorder): MirrorState {
  const { slot } = plan.service;
  return {
    plan,
    service,
    answered: metrics.mirrored(slot, 'answered'),
    failed: metrics.mirrored(slot, 'failed'),
    dropped: metrics.mirrored(slot, 'dropped'),
  };
}
