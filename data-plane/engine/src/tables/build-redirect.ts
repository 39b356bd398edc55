import type { Redirect } from '@sluice/proto';
import { parseHost } from '../router/parse-host.ts';
import { CannotBuild } from './cannot-build.ts';
import type { RedirectPlan } from './plan.ts';

/** Costs writing the location: nothing goes to a service. */
export function buildRedirect({ scheme, host, port, status }: Redirect): RedirectPlan {
  return {
    status: redirectStatus(status ?? 308),
    scheme: scheme || undefined,
    host: host === '' ? undefined : exactHost(host),
    port,
  };
}

function redirectStatus(status: number): RedirectPlan['status'] {
  switch (status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return status;
    default:
      throw new CannotBuild(`${status} is no status of a redirect`);
  }
}

function exactHost(text: string): string {
  const host = parseHost(text);
  if (typeof host === 'string' || host.kind === 'wildcard') throw new CannotBuild(`${text} is no host`);
  return host.name;
}
