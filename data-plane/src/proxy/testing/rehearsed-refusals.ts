import { createExposition } from '../../shared/index.ts';
import type { ProxyRig } from './proxy-rig.ts';

/** What dry runs of the route `all` would have refused, as `policy field count`. */
export function rehearsedRefusals({ shared, directory }: ProxyRig): string[] {
  const expose = createExposition({ shared, directory, breakers: () => [], families: () => [] });
  const text = [...expose()].join('');
  const lines = text.matchAll(/^gateway_dry_run_refusals_total\{route="all",policy="(.*)",field="(.*)"\} (\d+)$/gm);
  return [...lines].map(([, name, field, count]) => `${name} ${field} ${count}`).sort();
}
