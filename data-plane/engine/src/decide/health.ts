/** How many probes in a row it takes to change what is thought of an endpoint. */
export interface HealthPolicy {
  /** Successes that make an unhealthy endpoint healthy; at least 1. */
  readonly healthyAfter: number;
  /** Failures that make a healthy endpoint unhealthy; at least 1. */
  readonly unhealthyAfter: number;
}

export interface HealthState {
  readonly healthy: boolean;
  /** Probes in a row that said the contrary. */
  readonly contrary: number;
}

/** Before the first probe: an endpoint nobody has looked at is not kept from work. */
export const UNPROBED: HealthState = { healthy: true, contrary: 0 };

export function afterProbe(state: HealthState, succeeded: boolean, policy: HealthPolicy): HealthState {
  if (succeeded === state.healthy) return state.contrary === 0 ? state : { healthy: state.healthy, contrary: 0 };
  const contrary = state.contrary + 1;
  const needed = state.healthy ? policy.unhealthyAfter : policy.healthyAfter;
  return contrary >= needed ? { healthy: succeeded, contrary: 0 } : { healthy: state.healthy, contrary };
}

/** Whether so few endpoints are healthy that health says more about the probes than about them: all are used then. */
export function isPanic(healthy: number, all: number, panicPercent: number): boolean {
  return healthy * 100 < panicPercent * all;
}
