import type { Auth, AuthMethod, Policy, Route } from '@sluice/proto';
import type { PolicyLayer } from '../config/policy-layers.ts';
import type { CorsPlan } from '../decide/cors.ts';
import { buildCors } from './build-cors.ts';
import { buildHeaderEdits } from './build-header-edits.ts';
import { buildLimits } from './build-limit.ts';
import { buildRetry } from './build-retry.ts';
import type { BuildContext } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import type { ApiKeyMethodPlan, AuthPlan, HeaderEditsPlan, LimitPlan, RetryPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';

/** The fields that policies and routes share, as one of them sets them. Undefined: it does not. */
export interface PolicyFields extends PolicyLayer {
  readonly auth: AuthPlan | undefined;
  readonly limits: readonly LimitPlan[];
  readonly cors: CorsPlan | undefined;
  readonly requestHeaders: HeaderEditsPlan | undefined;
  readonly responseHeaders: HeaderEditsPlan | undefined;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPlan | undefined;
}

export interface BuiltPolicy {
  readonly kind: 'Policy';
  readonly name: string;
  readonly fields: PolicyFields;
}

export function buildPolicy(name: string, policy: Policy, context: BuildContext): BuiltPolicy {
  return { kind: 'Policy', name, fields: buildPolicyFields(`Policy/${name}`, policy, context) };
}

/** @param owner `Policy/NAME` or `Route/NAME` */
export function buildPolicyFields(owner: string, fields: Policy | Route, { slots }: BuildContext): PolicyFields {
  return {
    auth: fields.auth && buildAuth(fields.auth),
    limits: buildLimits(owner, fields.rateLimits, slots),
    cors: fields.cors && buildCors(fields.cors),
    requestHeaders: fields.requestHeaders && buildHeaderEdits(fields.requestHeaders),
    responseHeaders: fields.responseHeaders && buildHeaderEdits(fields.responseHeaders),
    timeoutMs: durationMs(fields.timeout, undefined),
    retry: fields.retry && buildRetry(fields.retry),
    none: fields.none,
  };
}

function buildAuth(auth: Auth): AuthPlan {
  return { methods: auth.anyOf.map(buildAuthMethod), optional: auth.optional };
}

function buildAuthMethod({ method }: AuthMethod): ApiKeyMethodPlan {
  if (method.case !== 'apiKey')
    throw new CannotBuild(`auth by ${method.case} is not known to this version of the node`);
  const { location, forward = false } = method.value;
  switch (location.case) {
    case undefined:
      return { kind: 'apiKey', location: 'header', name: 'x-api-key', forward };
    case 'header':
      return { kind: 'apiKey', location: 'header', name: location.value.toLowerCase(), forward };
    case 'query':
      return { kind: 'apiKey', location: 'query', name: location.value, forward };
    case 'cookie':
      throw new CannotBuild('API keys in cookies are not known to this version of the node');
    default:
      return location satisfies never;
  }
}
