import type { HealthCheck } from '@sluice/proto';
import { CannotBuild } from './cannot-build.ts';
import { durationMs } from './read-duration.ts';
import type { HealthCheckPlan, ProbePlan } from './service-plan.ts';

export function buildHealthCheck({
  probe,
  interval,
  timeout,
  healthyAfter,
  unhealthyAfter,
}: HealthCheck): HealthCheckPlan {
  return {
    probe: buildProbe(probe),
    intervalMs: durationMs(interval, 5_000),
    timeoutMs: durationMs(timeout, 1_000),
    healthyAfter: healthyAfter ?? 2,
    unhealthyAfter: unhealthyAfter ?? 3,
  };
}

function buildProbe(probe: HealthCheck['probe']): ProbePlan {
  switch (probe.case) {
    case 'http': {
      const { path, statuses } = probe.value;
      return {
        kind: 'http',
        path: path === '' ? '/' : path,
        statuses: statuses.length === 0 ? [{ from: 200, to: 299 }] : statuses.map(readStatuses),
      };
    }
    case 'tcp':
      return { kind: 'tcp' };
    case 'grpc':
    case undefined:
      throw new CannotBuild(`probes by ${probe.case} are not known to this version of the node`);
    default:
      return probe satisfies never;
  }
}

function readStatuses(text: string): { readonly from: number; readonly to: number } {
  const [from = '', to = from] = text.split('-');
  return { from: Number(from), to: Number(to) };
}
