import { createExposition } from '../../shared/index.ts';
import type { ProxyRig } from './proxy-rig.ts';

export interface RequestCount {
  readonly route: string;
  readonly service: string;
  readonly status: string;
  readonly count: number;
}

/** gateway_requests_total as a scrape would show it. */
export function requestCounts(rig: ProxyRig): RequestCount[] {
  const { shared, directory } = rig;
  const text = [...createExposition({ shared, directory, breakers: () => [], families: () => [] })()].join('');
  return [
    ...text.matchAll(/^gateway_requests_total\{route="(.*)",service="(.*)",method=".*",status="(\d+)"\} (\d+)$/gm),
  ].map(([, route = '', service = '', status = '', count]) => ({ route, service, status, count: Number(count) }));
}
