import { createExposition } from '../../shared/index.ts';
import type { ProxyRig } from './proxy-rig.ts';

export interface RequestCount {
  readonly route: string;
  readonly service: string;
  readonly status: string;
  readonly count: number;
}

/** The metrics that workers keep, as a scrape would show them. */
export function exposed({ shared, directory }: ProxyRig): string {
  return [...createExposition({ shared, directory, breakers: () => [], families: () => [] })()].join('');
}

/** gateway_requests_total as a scrape would show it. */
export function requestCounts(rig: ProxyRig): RequestCount[] {
  return [
    ...exposed(rig).matchAll(
      /^gateway_requests_total\{route="(.*)",service="(.*)",method=".*",status="(\d+)"\} (\d+)$/gm,
    ),
  ].map(([, route = '', service = '', status = '', count]) => ({ route, service, status, count: Number(count) }));
}
