import type { Route } from '@sluice/proto';
import { toMatchableRoute } from '../config/matchable-route.ts';
import type { BodyEditsPlan } from '../decide/edit-body.ts';
import { type CompiledRoute, compileRoute } from '../router/compile-route.ts';
import { buildBodyEdits } from './build-body-edits.ts';
import { buildFaults } from './build-faults.ts';
import { buildHashParts } from './build-hash-parts.ts';
import { buildPolicyFields, type PolicyFields, referencesOfAuth } from './build-policy.ts';
import { buildRedirect } from './build-redirect.ts';
import { buildResponse } from './build-response.ts';
import type { BuildContext, ItemKey } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { FaultsPlan, RedirectPlan, ResponsePlan } from './plan.ts';
import { durationMs, sizeBytes } from './read-duration.ts';
import { buildPathRewrite, buildRedirectPath, type PathRewriteTemplate } from './rewrite.ts';
import type { HashPart } from './service-plan.ts';

/** Where a share of a route's requests goes. */
export interface BuiltDestination {
  readonly service: string;
  /** Above 0. */
  readonly weight: number;
}

/** Where copies of a route's requests go. */
interface BuiltMirror {
  readonly service: string;
  /** 0 to 100. */
  readonly percent: number;
}

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
  /** Services by name, each with its share; empty where no request goes to a service. */
  readonly destinations: readonly BuiltDestination[];
  readonly stickyBy: readonly HashPart[];
  readonly policies: readonly string[];
  readonly references: readonly ItemKey[];
  readonly fields: PolicyFields;
  readonly redirect: RedirectPlan | undefined;
  readonly response: ResponsePlan | undefined;
  readonly faults: FaultsPlan | undefined;
  readonly mirror: BuiltMirror | undefined;
  readonly requestBody: BodyEditsPlan | undefined;
  readonly responseBody: BodyEditsPlan | undefined;
  readonly pathRewrite: PathRewriteTemplate;
  /** The Host that upstreams see. Undefined: the request's own. */
  readonly host: string | undefined;
  readonly streamIdleTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
  readonly bodyBytes: number | undefined;
  readonly webSocket: boolean;
}

export function buildRoute(name: string, route: Route, context: BuildContext): BuiltRoute {
  const destinations = destinationsOf(route);
  const { redirect, respond } = route;
  if (destinations.length === 0 && redirect === undefined && respond === undefined)
    throw new CannotBuild('a route that goes nowhere is not known to this version of the node');
  return {
    kind: 'Route',
    name,
    slot: context.slots.route(name),
    enabled: route.enabled ?? true,
    match: compileMatch(name, route),
    listeners: route.listeners,
    destinations,
    stickyBy: buildHashParts(route.stickyBy),
    policies: route.policies,
    references: referencesOfRoute(route),
    fields: buildPolicyFields(`Route/${name}`, route, context),
    redirect: redirect && buildRedirect(redirect),
    response: respond && buildResponse(respond),
    faults: route.faults && buildFaults(route.faults),
    mirror: route.mirror && { service: route.mirror.service, percent: route.mirror.percent ?? 100 },
    requestBody: route.requestBody && buildBodyEdits(route.requestBody),
    responseBody: route.responseBody && buildBodyEdits(route.responseBody),
    pathRewrite: redirect === undefined ? buildPathRewrite(route.rewrite) : buildRedirectPath(redirect.path),
    host: route.rewrite?.host || undefined,
    streamIdleTimeoutMs: durationMs(route.streamIdleTimeout, undefined),
    maxDurationMs: durationMs(route.maxDuration, undefined),
    bodyBytes: sizeBytes(route.bodyBytes, undefined),
    webSocket: route.webSocket,
  };
}

/** Which requests a route takes. */
export function compileMatch(name: string, route: Route): CompiledRoute {
  const match = compileRoute(toMatchableRoute(name, route));
  if (!('problems' in match)) return match;
  throw new CannotBuild(match.problems.map(({ field, message }) => `${field} ${message}`).join('; '));
}

/** Those that get requests: a weight of 0 is as if it were not there. */
export function destinationsOf({ service, destinations }: Route): readonly BuiltDestination[] {
  if (service !== '') return [{ service, weight: 1 }];
  return destinations
    .map((each) => ({ service: each.service, weight: each.weight ?? 1 }))
    .filter((each) => each.weight > 0);
}

export function referencesOfRoute(route: Route): readonly ItemKey[] {
  const services = destinationsOf(route).map(({ service }): ItemKey => `Service/${service}`);
  const policies = route.policies.map((policy): ItemKey => `Policy/${policy}`);
  if (route.mirror !== undefined) services.push(`Service/${route.mirror.service}`);
  return [...new Set(services), ...policies, ...referencesOfAuth(route.auth)];
}
