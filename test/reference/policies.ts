import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DescMessage } from '@bufbuild/protobuf';
import { EXPLAIN_STEPS, UNSUPPORTED } from '@sluice/engine';
import {
  AccessLogSchema,
  ApiKeyAuthSchema,
  AuthorizationSchema,
  BodyEditsSchema,
  CacheSchema,
  CircuitBreakerSchema,
  CorsSchema,
  DestinationSchema,
  DirectResponseSchema,
  FaultsSchema,
  HeaderEditsSchema,
  IpRulesSchema,
  JwtAuthSchema,
  MirrorSchema,
  PolicySchema,
  RateLimitSchema,
  RedirectSchema,
  RetrySchema,
  RewriteSchema,
  SlidingWindowSchema,
  TokenBucketSchema,
  TracingSchema,
  ValidationSchema,
} from '@sluice/proto';
import { describeNoise } from '../bench/page/page.ts';
import { NOISE } from '../bench/policies/costs.ts';
import { type CaseResult, readResults } from '../bench/results.ts';
import { root } from '../harness/process.ts';
import { code, page, table } from './markdown.ts';

interface Described {
  /** As it stands in a Policy, a Route or a Service. */
  readonly name: string;
  readonly fields: DescMessage | undefined;
  /** The step of a request that it belongs to, as `gatewayctl explain` names it. */
  readonly step: string;
  /** The file beneath data-plane whose doc comment says what it costs. */
  readonly file: string;
  /** What the bench calls what it measures of it. */
  readonly measured: readonly string[];
}

const policies: readonly Described[] = [
  of(
    'accessLog',
    AccessLogSchema,
    'access log',
    'src/proxy/record/record-request.ts',
    'accessLog of errors, nothing fails',
  ),
  of('tracing', TracingSchema, 'tracing', 'src/proxy/record/span-line.ts'),
  of('redirect', RedirectSchema, 'redirect', 'engine/src/tables/build-redirect.ts'),
  of('cors', CorsSchema, 'cors', 'engine/src/decide/cors.ts', 'cors'),
  of('authorization.ip', IpRulesSchema, 'client address', 'engine/src/tables/address-rules.ts', 'authorization.ip'),
  of(
    'rateLimits.tokenBucket',
    TokenBucketSchema,
    'limits by address',
    'engine/src/decide/gcra.ts',
    ...['rateLimits: tokenBucket, by clientIp', 'rateLimits: tokenBucket, by consumer'],
  ),
  of(
    'rateLimits.slidingWindow',
    SlidingWindowSchema,
    'limits by address',
    'engine/src/decide/sliding-window.ts',
    'rateLimits: slidingWindow, by clientIp',
  ),
  of('auth.anyOf.apiKey', ApiKeyAuthSchema, 'authentication', 'src/shared/api-keys/key-reader.ts', 'auth: apiKey'),
  of('auth.anyOf.jwt', JwtAuthSchema, 'authentication', 'engine/src/jwt/verify-token.ts', 'auth: jwt, tokens repeat'),
  of('authorization', AuthorizationSchema, 'authorization', 'engine/src/decide/authorize.ts', 'authorization.scopes'),
  of('destinations, stickyBy', DestinationSchema, 'destination', 'engine/src/decide/sticky.ts'),
  of(
    'rateLimits, scope: cluster',
    RateLimitSchema,
    'limits',
    'engine/src/tables/limit-plan.ts',
    'rateLimits: scope cluster, by global',
  ),
  of('faults', FaultsSchema, 'rehearsed failure', 'engine/src/tables/build-faults.ts', 'faults, none drawn'),
  of(
    'validation',
    ValidationSchema,
    'validation',
    'engine/src/decide/validation.ts',
    'validation.contentTypes',
    ...['validation.requestSchema, 1 KiB', 'validation.requestSchema, 1 KiB, dryRun'],
  ),
  of(
    'requestBody, responseBody',
    BodyEditsSchema,
    'body edits',
    'engine/src/decide/edit-body.ts',
    ...['requestBody, 1 KiB', 'responseBody, 26 bytes'],
  ),
  of(
    'cache',
    CacheSchema,
    'cache',
    'engine/src/decide/cache-response.ts',
    'cache, hits',
    'cache, answers that may not be kept',
  ),
  of('respond', DirectResponseSchema, 'response', 'engine/src/tables/build-response.ts'),
  of('circuitBreaker', CircuitBreakerSchema, 'service', 'engine/src/decide/breaker.ts', 'circuitBreaker'),
  of(
    'maxConcurrentRequests',
    undefined,
    'service',
    'src/proxy/upstream/concurrent-requests.ts',
    'maxConcurrentRequests',
  ),
  of('retry', RetrySchema, 'service', 'engine/src/tables/build-retry.ts', 'retry, nothing fails'),
  of('rewrite', RewriteSchema, 'headers', 'engine/src/tables/rewrite.ts', 'rewrite'),
  of(
    'requestHeaders, responseHeaders',
    HeaderEditsSchema,
    'headers',
    'engine/src/tables/build-header-edits.ts',
    ...['requestHeaders', 'responseHeaders'],
  ),
  of('mirror', MirrorSchema, 'mirror', 'src/proxy/mirror/mirror.ts', 'mirror, every request'),
];

/** No policies of their own: how the others are taken, and a time that every request has anyway. */
const OTHERS: ReadonlySet<string> = new Set(['mode', 'none', 'timeout']);

function of(
  name: string,
  fields: DescMessage | undefined,
  step: string,
  file: string,
  ...measured: readonly string[]
): Described {
  return { name, fields, step, file, measured };
}

/** The page of policies: what each is set by, when it is decided, and what it costs. */
export function policiesPage(): string {
  const results = readResults(join(root, 'docs', 'performance.json'));
  const measured = results?.cases.find(({ name }) => name === 'policy-costs');
  return page(
    'Policies',
    'What a route may ask of its requests, or do to them, in the order in which it happens, and what that costs a request. What is not set costs nothing, or a comparison. `gatewayctl explain` names the same steps.',
    table(
      ['policy', 'fields', 'step', 'what it costs', 'adds, us of CPU', 'of single rounds'],
      [...inOrder(policies).map((policy) => describe(policy, measured)), ...notDescribed()],
    ),
    `## How it is measured\n\n${describeMeasuring(measured)}`,
  );
}

function inOrder(described: readonly Described[]): readonly Described[] {
  const at = ({ step }: Described) => EXPLAIN_STEPS.indexOf(step);
  return described.toSorted((a, b) => at(a) - at(b));
}

function describe({ name, fields, step, file, measured }: Described, result: CaseResult | undefined): string[] {
  const at = EXPLAIN_STEPS.indexOf(step);
  if (at < 0) throw new Error(`no step is called ${step}`);
  const found = measured.map((what) => ({ what, row: result?.rows.find((row) => row.what === what) }));
  const said = (text: (row: CaseResult['rows'][number]) => string) =>
    found
      .map(({ what, row }) => `${found.length > 1 ? `${what}: ` : ''}${row === undefined ? '-' : text(row)}`)
      .join('; ') || '-';
  return [
    name.split(', ').map(code).join(', '),
    fields === undefined ? '' : listFields(fields),
    `${at + 1} ${step}`,
    costOf(file),
    said(({ value }) => value.toFixed(1)),
    said(({ note }) => note.replace('rounds ', '')),
  ];
}

function listFields({ fields, typeName }: DescMessage): string {
  const supported = fields.filter(({ name }) => !UNSUPPORTED.includes(`${typeName}.${name}`));
  return supported.map(({ jsonName }) => code(jsonName)).join(', ');
}

/** What a file's doc comment says from `Costs` on. */
function costOf(file: string): string {
  const text = readFileSync(join(root, 'data-plane', file), 'utf8');
  for (const [, comment = ''] of text.matchAll(/\/\*\*([\s\S]*?)\*\//g)) {
    const [, said] = /\b[Cc]osts ([^@]*)/.exec(comment.replaceAll(/\s*\n\s*\*\s?/g, ' ')) ?? [];
    if (said !== undefined) return `${said.slice(0, 1).toUpperCase()}${said.slice(1).trimEnd()}`;
  }
  throw new Error(`data-plane/${file} does not say what it costs`);
}

/** What policies can set of which nobody has said what it costs. */
function notDescribed(): string[][] {
  const known = new Set(policies.flatMap(({ name }) => name.split(/[.,] ?/)));
  const rest = PolicySchema.fields.filter(
    ({ name, jsonName, parent }) =>
      !known.has(jsonName) && !OTHERS.has(jsonName) && !UNSUPPORTED.includes(`${parent.typeName}.${name}`),
  );
  return rest.map((field) => [
    code(field.jsonName),
    field.message === undefined ? '' : listFields(field.message),
    ...['', 'not described', '-', '-'],
  ]);
}

function describeMeasuring(result: CaseResult | undefined): string {
  const how =
    'One node with one worker, the same requests to a route with the policy and to one without it and otherwise alike, in short rounds that take turns; what is shown is the median of the differences in CPU time for each request, and the lowest and the highest. `npm run bench -- --case policy-costs --json docs/performance.json && npm run bench:page && npm run docs` measures anew.';
  if (result === undefined || result.rows.length === 0) return `${how}\n\nNot measured yet.`;
  const noise = result.rows.find(({ what }) => what === NOISE);
  const said =
    noise === undefined
      ? ''
      : ` Two routes without any policy differ by ${noise.value.toFixed(1)} us (${noise.note}): that is the noise.`;
  const [base] = result.candidates;
  const cpu = base?.samples.map(({ cpuUs = Number.NaN }) => cpuUs).toSorted((a, b) => a - b);
  const bare = cpu === undefined ? '' : ` Without any a request takes ${cpu[cpu.length >> 1]!.toFixed(1)} us.`;
  const warning = describeNoise([result]).map((text) => `${text}\n\n`);
  return `${how}\n\n${warning.join('')}Measured ${result.measuredAt} UTC at \`${result.commit}\`, ${result.notes.join('; ')}.${bare}${said}`;
}
