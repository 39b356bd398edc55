import type { Route } from '@sluice/proto';
import { toMatchableRoute } from '../config/matchable-route.ts';
import { type CompiledRoute, compileRoute } from '../router/compile-route.ts';
import { buildPolicyFields, type PolicyFields } from './build-policy.ts';
import type { BuildContext, ItemKey } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import { durationMs, sizeBytes } from './read-duration.ts';
import { buildRewrite, type RewriteTemplate } from './rewrite.ts';

/** A route by itself: what it matches and what it says, before its policies and its service are joined to it. */
export interface BuiltRoute {
  readonly kind: 'Route';
  readonly name: string;
  readonly slot: number;
  /** False: it is as if it were not there. */
  readonly enabled: boolean;
  readonly match: CompiledRoute;
  /** Empty: every http listener. */
  readonly listeners: readonly string[];
  readonly service: string;
  readonly policies: readonly string[];
  readonly references: readonly ItemKey[];
  readonly fields: PolicyFields;
  readonly rewrite: RewriteTemplate;
  readonly streamIdleTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
  readonly bodyBytes: number | undefined;
}

export function buildRoute(name: string, route: Route, context: BuildContext): BuiltRoute {
  if (route.service === '') throw new CannotBuild('a route without a service is not known to this version of the node');
  return {
    kind: 'Route',
    name,
    slot: context.slots.route(name),
    enabled: route.enabled ?? true,
    match: compileMatch(name, route),
    listeners: route.listeners,
    service: route.service,
    policies: route.policies,
    references: referencesOfRoute(route),
    fields: buildPolicyFields(`Route/${name}`, route, context),
    rewrite: buildRewrite(route.rewrite),
    streamIdleTimeoutMs: durationMs(route.streamIdleTimeout, undefined),
    maxDurationMs: durationMs(route.maxDuration, undefined),
    bodyBytes: sizeBytes(route.bodyBytes, undefined),
  };
}

/** Which requests a route takes. */
export function compileMatch(name: string, route: Route): CompiledRoute {
  const match = compileRoute(toMatchableRoute(name, route));
  if (!('problems' in match)) return match;
  throw new CannotBuild(match.problems.map(({ field, message }) => `${field} ${message}`).join('; '));
}

export function referencesOfRoute({ service, policies }: Route): readonly ItemKey[] {
  return [`Service/${service}`, ...policies.map((policy): ItemKey => `Policy/${policy}`)];
}
