import {
  type ApiKeyAuth,
  type Auth,
  type AuthMethod,
  type JwtAuth,
  type Policy,
  PolicyMode,
  type Route,
} from '@sluice/proto';
import type { PolicyLayer } from '../config/policy-layers.ts';
import type { CachePlan } from '../decide/cache-response.ts';
import type { CorsPlan } from '../decide/cors.ts';
import type { ValidationPlan } from '../decide/validation.ts';
import { type BuiltAuthorization, buildAuthorization } from './build-authorization.ts';
import { buildCache } from './build-cache.ts';
import { buildCors } from './build-cors.ts';
import { buildHeaderEdits } from './build-header-edits.ts';
import { buildLimits } from './build-limit.ts';
import { buildRetry } from './build-retry.ts';
import { buildValidation } from './build-validation.ts';
import type { BuildContext, ItemKey, SlotSource } from './built-item.ts';
import type { AuthMethodPlan, AuthPlan } from './caller-plan.ts';
import { CannotBuild } from './cannot-build.ts';
import type { LimitPlan } from './limit-plan.ts';
import type { AccessLogPlan, HeaderEditsPlan, TracingPlan } from './plan.ts';
import { durationMs } from './read-duration.ts';
import type { RetryPlan } from './service-plan.ts';

/** The fields that policies and routes share, as one of them sets them. Undefined: it does not. */
export interface PolicyFields extends PolicyLayer {
  /** What refusals count for that its mode lets pass: a slot of its policy, 0 where it is a route. Undefined: it enforces. */
  readonly dryRunSlot: number | undefined;
  readonly auth: AuthPlan | undefined;
  readonly authorization: BuiltAuthorization | undefined;
  readonly limits: readonly LimitPlan[];
  readonly cors: CorsPlan | undefined;
  readonly validation: ValidationPlan | undefined;
  readonly cache: CachePlan | undefined;
  readonly requestHeaders: HeaderEditsPlan | undefined;
  readonly responseHeaders: HeaderEditsPlan | undefined;
  readonly timeoutMs: number | undefined;
  readonly retry: RetryPlan | undefined;
  readonly accessLog: AccessLogPlan | undefined;
  readonly tracing: TracingPlan | undefined;
}

export interface BuiltPolicy {
  readonly kind: 'Policy';
  readonly name: string;
  readonly fields: PolicyFields;
  readonly references: readonly ItemKey[];
}

export function buildPolicy(name: string, policy: Policy, context: BuildContext): BuiltPolicy {
  const fields = buildPolicyFields(`Policy/${name}`, policy, context);
  return { kind: 'Policy', name, fields, references: referencesOfAuth(policy.auth) };
}

/** @param owner `Policy/NAME` or `Route/NAME` */
export function buildPolicyFields(owner: string, fields: Policy | Route, { slots }: BuildContext): PolicyFields {
  return {
    dryRunSlot: dryRunSlot(owner, fields, slots),
    auth: fields.auth && buildAuth(fields.auth),
    authorization: fields.authorization && buildAuthorization(fields.authorization),
    limits: buildLimits(owner, fields.rateLimits, slots),
    cors: fields.cors && buildCors(fields.cors),
    validation: fields.validation && buildValidation(fields.validation),
    cache: fields.cache && buildCache(fields.cache),
    requestHeaders: fields.requestHeaders && buildHeaderEdits(fields.requestHeaders),
    responseHeaders: fields.responseHeaders && buildHeaderEdits(fields.responseHeaders),
    timeoutMs: durationMs(fields.timeout, undefined),
    retry: fields.retry && buildRetry(fields.retry),
    accessLog: fields.accessLog && { sample: fields.accessLog.sample, errors: fields.accessLog.errors },
    tracing: fields.tracing && { sample: fields.tracing.sample },
    none: fields.none,
  };
}

function dryRunSlot(owner: string, { mode }: Policy | Route, slots: SlotSource): number | undefined {
  if (mode !== PolicyMode.DRY_RUN) return undefined;
  const [kind, name = ''] = owner.split('/');
  return kind === 'Policy' ? slots.policy(name) : 0;
}

/** What a route or policy cannot do without to identify callers. `sluice` is built in. */
export function referencesOfAuth(auth: Auth | undefined): readonly ItemKey[] {
  const methods = auth?.anyOf ?? [];
  const issuers = methods.flatMap(({ method }) => (method.case === 'jwt' ? method.value.issuers : []));
  return issuers.filter((name) => name !== 'sluice').map((name): ItemKey => `Issuer/${name}`);
}

function buildAuth(auth: Auth): AuthPlan {
  return { methods: auth.anyOf.map(buildAuthMethod), optional: auth.optional };
}

function buildAuthMethod({ method }: AuthMethod): AuthMethodPlan {
  switch (method.case) {
    case 'apiKey':
      return buildApiKeyMethod(method.value);
    case 'jwt':
      return buildJwtMethod(method.value);
    case 'mtls':
    case undefined:
      throw new CannotBuild(`auth by ${method.case} is not known to this version of the node`);
    default:
      return method satisfies never;
  }
}

function buildJwtMethod({ issuers, header, forward = true }: JwtAuth): AuthMethodPlan {
  return { kind: 'jwt', issuers, header: header === '' ? 'authorization' : header.toLowerCase(), forward };
}

function buildApiKeyMethod({ location, forward = false }: ApiKeyAuth): AuthMethodPlan {
  switch (location.case) {
    case undefined:
      return { kind: 'apiKey', location: 'header', name: 'x-api-key', forward };
    case 'header':
      return { kind: 'apiKey', location: 'header', name: location.value.toLowerCase(), forward };
    case 'query':
      return { kind: 'apiKey', location: 'query', name: location.value, forward };
    case 'cookie':
      return { kind: 'apiKey', location: 'cookie', name: location.value, forward };
    default:
      return location satisfies never;
  }
}
