import type { Resource } from '@sluice/proto';
import { type BuiltRoute, compileMatch, destinationsOf, referencesOfRoute } from './build-route.ts';
import type { SlotSource } from './built-item.ts';

/**
 * A route that takes its requests to refuse them, because something in it cannot be built: they must not fall to a route that asks
 * less of them. Throws CannotBuild where its conditions cannot be built either: then nobody knows which requests are its own.
 */
export function buildRefusingRoute(name: string, { spec }: Resource, slots: SlotSource): BuiltRoute | undefined {
  if (spec.case !== 'route') return undefined;
  const route = spec.value;
  return {
    kind: 'Route',
    name,
    slot: slots.route(name),
    enabled: route.enabled ?? true,
    match: compileMatch(name, route),
    listeners: route.listeners,
    destinations: destinationsOf(route),
    stickyBy: [],
    policies: route.policies,
    references: referencesOfRoute(route),
    fields: {
      dryRunSlot: undefined,
      auth: undefined,
      authorization: undefined,
      limits: [],
      cors: undefined,
      validation: undefined,
      cache: undefined,
      requestHeaders: undefined,
      responseHeaders: undefined,
      timeoutMs: undefined,
      retry: undefined,
      accessLog: undefined,
      tracing: undefined,
      none: [],
    },
    redirect: undefined,
    response: undefined,
    faults: undefined,
    mirror: undefined,
    requestBody: undefined,
    responseBody: undefined,
    pathRewrite: { kind: 'keep' },
    host: undefined,
    streamIdleTimeoutMs: undefined,
    maxDurationMs: undefined,
    bodyBytes: undefined,
    webSocket: false,
  };
}
