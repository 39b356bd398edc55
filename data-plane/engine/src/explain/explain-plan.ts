import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { allowsOrigin, preflightRefusal } from '../decide/cors.ts';
import { parseJsonBody } from '../decide/json-body.ts';
import { isJsonType, parseMediaType } from '../decide/media-type.ts';
import { contentTypeRefusal, missingBodyRefusal } from '../decide/validation.ts';
import { formatDuration } from '../manifest/duration.ts';
import type { NormalizedTarget } from '../router/normalize-path.ts';
import type { ParsedPath } from '../router/parse-path.ts';
import type { ConsumerPlan } from '../tables/caller-plan.ts';
import type { BucketPlan, LimitKeyPart, LimitPlan } from '../tables/limit-plan.ts';
import type { FaultsPlan, ListenerPlan, RedirectPlan, RoutePlan } from '../tables/plan.ts';
import { rewritePath, withOneSlash } from '../tables/rewrite-path.ts';
import type { ServicePlan } from '../tables/service-plan.ts';
import {
  explainAddress,
  explainAuthentication,
  explainAuthorization,
  explainDryRun,
  identified,
} from './explain-caller.ts';
import { type Asked, answered, refused, type Said, withoutEnd } from './explain-step.ts';
import type { ExplainedRequest, RequestOutcome, StepVerdict } from './explainer.ts';

/** The steps that a request went through, and what became of it. */
export interface PlanVerdict {
  readonly outcome: RequestOutcome;
  readonly steps: readonly StepVerdict[];
}

type Step = readonly [name: string, explain: (plan: RoutePlan, asked: Asked) => Said | readonly Said[]];

/** Walks a request through the steps of the node's data plane, in its order, up to the first that answers. */
export function explainPlan(
  plan: RoutePlan,
  request: ExplainedRequest,
  { path, query }: NormalizedTarget,
  matched: ParsedPath | undefined,
  { bodyBytes: listenerBodyBytes, trusts }: ListenerPlan,
  known: { readonly consumer: ConsumerPlan | undefined; readonly disbelief: string | undefined },
): PlanVerdict {
  const asked = identified(plan, { ...request, path, query, matched, listenerBodyBytes, trusts, ...known });
  const steps: StepVerdict[] = [];
  for (const [step, explain] of STEPS) {
    for (const said of [explain(plan, asked)].flat()) {
      if (said === undefined) continue;
      if (typeof said === 'string') steps.push({ step, verdict: 'pass', says: said });
      else if ('open' in said) steps.push({ step, verdict: 'open', says: said.open });
      else {
        steps.push({ step, verdict: 'end', says: said.end.says });
        return { outcome: said.end, steps };
      }
    }
  }
  const services = plan.destinations.map(({ service }) => service.name);
  const says = `goes to ${services.length === 1 ? services[0] : `one of ${services.join(', ')}`}`;
  return { outcome: { kind: 'forward', status: undefined, code: undefined, says }, steps };
}

/** In the order of the data plane's phases. */
export const STEPS: readonly Step[] = [
  // Decided when the route is found, whatever ends the request.
  ['access log', explainAccessLog],
  ['tracing', ({ tracing }) => tracing && { open: `${percent(tracing.sample)} are traced, or as a trusted peer says` }],
  ['availability', explainAvailability],
  ['redirect', explainRedirect],
  ['cors', explainCors],
  ['client address', explainAddress],
  ['limits by address', ({ addressLimits }, asked) => explainLimits(addressLimits, asked)],
  ['authentication', explainAuthentication],
  ['dry run', explainDryRun],
  ['authorization', explainAuthorization],
  ['destination', explainDestination],
  ['limits', ({ callerLimits }, asked) => explainLimits(callerLimits, asked)],
  ['rehearsed failure', ({ faults }, asked) => faults && explainFaults(faults, asked)],
  ['validation', (plan, asked) => [explainValidation(plan, asked), explainDryValidation(plan, asked)]],
  ['body edits', explainBodyEdits],
  ['response', ({ response }) => response && answered(response.status, 'the route answers by itself')],
  ['service', explainServices],
  ['request body', explainBodySize],
  ['upgrade', explainUpgrade],
  ['cache', explainCache],
  ['headers', explainHeaders],
  ['mirror', explainMirror],
];

/** What the steps are called, in order. */
export const STEP_NAMES: readonly string[] = STEPS.map(([name]) => name);

function explainAvailability({ unavailable }: RoutePlan): Said {
  if (unavailable === undefined) return undefined;
  return refused(503, 'policy_unavailable', `something the route needs cannot be built: ${unavailable}`);
}

function explainAccessLog({ accessLog }: RoutePlan): Said {
  if (accessLog === undefined) return undefined;
  const { sample, errors } = accessLog;
  if (sample === 1) return 'logged';
  if (sample === 0) return errors ? 'logged where it fails' : 'not logged';
  return { open: `${percent(sample)} are logged${errors ? ', and all that fail' : ''}` };
}

function explainRedirect({ redirect, rewrite }: RoutePlan, { path, query, matched, host }: Asked): Said {
  if (redirect === undefined) return undefined;
  const target = withOneSlash(rewritePath(rewrite.path, path, matched)) + query;
  return answered(redirect.status, `sent to ${redirectOrigin(redirect, host)}${target}`);
}

function redirectOrigin({ scheme, host, port }: RedirectPlan, asked: string | undefined): string {
  if (scheme === undefined && host === undefined && port === undefined) return '';
  return `${scheme ?? '(the scheme asked)'}://${host ?? asked ?? '(the host asked)'}${port === undefined ? '' : `:${port}`}`;
}

function explainCors({ cors }: RoutePlan, { method, headers }: Asked): Said {
  const origin = headers.get('origin');
  if (cors === undefined || origin === undefined) return undefined;
  const isAllowed = allowsOrigin(cors, origin);
  const asked = headers.get('access-control-request-method');
  if (method !== 'OPTIONS' || asked === undefined) {
    return isAllowed ? `scripts of ${origin} may read the answer` : `scripts of ${origin} may not read the answer`;
  }
  const refusal = isAllowed
    ? preflightRefusal(cors, asked, headers.get('access-control-request-headers'))
    : 'The origin is not allowed.';
  return refusal === undefined ? answered(204, 'the preflight is answered') : refused(403, 'forbidden', refusal);
}

function explainDestination({ destinations, redirect, response }: RoutePlan): Said {
  if (destinations.length < 2 || redirect !== undefined || response !== undefined) return undefined;
  const sum = destinations.reduce((total, { weight }) => total + weight, 0);
  const shares = destinations.map(({ service, weight }) => `${service.name} ${percent(weight / sum)}`);
  return { open: `drawn by weight: ${shares.join(', ')}` };
}

function explainLimits(limits: readonly LimitPlan[], { method, path, consumer }: Asked): Said[] {
  return limits.map((limit) => {
    if (limit.applies !== undefined && !limit.applies(method, path)) return `${limit.name} does not count this request`;
    const bucket = consumer?.overrides?.get(limit.name) ?? limit.bucket;
    const rehearses = limit.dryRunSlot === undefined ? '' : ' in dry run';
    return { open: `${limit.name}${rehearses} counts ${limit.cost} of ${bucketText(bucket)} ${byText(limit.by)}` };
  });
}

function bucketText({ requests, perMs }: BucketPlan): string {
  return `${requests} in ${formatMilliseconds(perMs)}`;
}

function byText(by: readonly LimitKeyPart[]): string {
  const parts = by
    .filter(({ kind }) => kind !== 'global')
    .map((part) => ('name' in part ? `${part.kind} ${part.name}` : part.kind));
  return parts.length === 0 ? 'for all together' : `for each ${parts.join(' and ')}`;
}

function explainFaults(faults: FaultsPlan, { headers }: Asked): Said {
  if (faults.header !== undefined && !headers.has(faults.header)) return `only for requests with ${faults.header}`;
  const { abortPercent, abortStatus, delayPercent, delayMs } = faults;
  const delay = delayPercent > 0 ? [`${delayPercent} % wait for ${formatMilliseconds(delayMs)}`] : [];
  if (abortPercent === 100) {
    return refused(abortStatus, 'fault_injected', ['every request is refused', ...delay].join(', '));
  }
  const parts = [...delay, ...(abortPercent > 0 ? [`${abortPercent} % are refused with ${abortStatus}`] : [])];
  return { open: parts.join(', ') };
}

function explainValidation({ validation, bodyBytes }: RoutePlan, asked: Asked): Said {
  if (validation === undefined) return undefined;
  const { method, headers, body } = asked;
  if (body === undefined) {
    const refusal = missingBodyRefusal(validation, method);
    return refusal === undefined ? 'no body is needed' : refused(400, 'request_invalid', refusal);
  }
  const refusal = contentTypeRefusal(validation, headers.get('content-type'));
  if (refusal !== undefined) return refused(400, 'request_invalid', refusal);
  const { schema, maxBytes } = validation;
  if (schema === undefined) return 'the content type is accepted';
  if (body.length > Math.min(maxBytes, bodyBytes ?? asked.listenerBodyBytes)) return tooLarge(body);
  const parsed = parseJsonBody(Buffer.from(body));
  if (!parsed.ok) return refused(400, 'request_invalid', `the body ${parsed.reason}`);
  const wrong = schema(parsed.value);
  if (wrong === undefined) return 'the body matches the schema';
  return refused(422, 'request_invalid', `the body does not match: ${wrong}`);
}

function explainDryValidation(plan: RoutePlan, asked: Asked): Said {
  const validation = plan.dryRun?.validation?.plan;
  return validation && withoutEnd(explainValidation({ ...plan, validation }, asked));
}

function explainBodyEdits({ requestBody, responseBody, bodyBytes }: RoutePlan, asked: Asked): Said[] {
  const ofAnswer = responseBody === undefined ? [] : ['the answer is edited where it is JSON'];
  if (requestBody === undefined || asked.body === undefined) return ofAnswer;
  const { headers, body, listenerBodyBytes } = asked;
  const type = parseMediaType(headers.get('content-type') ?? '')?.type;
  if (type === undefined || !isJsonType(type)) return ['the body is no JSON and goes on as it is', ...ofAnswer];
  if (body.length > Math.min(requestBody.maxBytes, bodyBytes ?? listenerBodyBytes)) return [tooLarge(body)];
  const parsed = parseJsonBody(Buffer.from(body));
  if (!parsed.ok) return [refused(400, 'request_invalid', `the body ${parsed.reason}`)];
  return ['the body is edited', ...ofAnswer];
}

function explainBodySize({ bodyBytes }: RoutePlan, { body, listenerBodyBytes }: Asked): Said {
  if (body === undefined) return undefined;
  const bound = bodyBytes ?? listenerBodyBytes;
  return body.length > bound ? tooLarge(body) : `at most ${bound} bytes`;
}

function tooLarge({ length }: Uint8Array): Said {
  return refused(413, 'body_too_large', `a body of ${length} bytes is too large`);
}

function explainServices({ destinations, stickyBy }: RoutePlan): Said | readonly Said[] {
  const [only] = destinations;
  if (only !== undefined && destinations.length === 1) return explainService(only.service);
  const services = destinations.map(({ service }): Said => {
    const said = explainService(service);
    return typeof said === 'object' && 'end' in said ? { open: `${service.name}: ${said.end.says}` } : said;
  });
  if (stickyBy.length === 0) return services;
  const parts = stickyBy.map((part) => ('name' in part ? `${part.kind}:${part.name}` : part.kind));
  return [...services, `each caller keeps one of them, by ${parts.join(', ')}`];
}

function explainService({ name, enabled, endpoints, isDiscovered, balancer }: ServicePlan): Said {
  if (!enabled) return refused(503, 'service_disabled', `${name} is switched off`);
  if (isDiscovered)
    return { open: `${name}: each node finds its endpoints; gatewayctl services check ${name} shows them` };
  const [first] = endpoints;
  if (first === undefined) return refused(503, 'no_healthy_endpoint', `${name} has no endpoint for this group`);
  if (endpoints.length === 1) return `${name} at ${first.address}`;
  return `${name}: ${balancer.kind} over ${endpoints.length} endpoints`;
}

function explainUpgrade({ webSocket }: RoutePlan, { headers }: Asked): Said {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket') return undefined;
  return webSocket ? 'a WebSocket may be opened' : 'the upgrade is not heard: the request goes on as an ordinary one';
}

function explainCache({ cache }: RoutePlan, { method }: Asked): Said {
  if (cache === undefined) return undefined;
  if (method !== 'GET' && method !== 'HEAD') return `the cache keeps no answers to ${method}`;
  const where = cache.shared ? 'the cache, of the node or that all nodes share in Redis,' : 'the cache';
  return { open: `answered from ${where} where it has a fresh answer` };
}

function explainHeaders(
  { requestHeaders, responseHeaders, rewrite }: RoutePlan,
  { path, query, matched }: Asked,
): Said {
  const parts = [
    ...(rewrite.path.kind === 'keep' ? [] : [`the path becomes ${rewritePath(rewrite.path, path, matched)}${query}`]),
    ...(rewrite.host === undefined ? [] : [`the host is ${rewrite.host}`]),
    ...(requestHeaders === undefined ? [] : ['headers of the request are edited']),
    ...(responseHeaders === undefined ? [] : ['headers of the answer are edited']),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}

function explainMirror({ mirror }: RoutePlan): Said {
  if (mirror === undefined) return undefined;
  return { open: `${mirror.percent} % are copied to ${mirror.service.name}` };
}

function formatMilliseconds(ms: number): string {
  return formatDuration(durationFromMs(ms));
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}
