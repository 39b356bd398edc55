/**
 * What is measured of each policy: a route that has it, beside one that lacks it and nothing else, under the same requests. Flow mappings
 * of YAML, without their braces.
 */
export type PolicyCost = {
  /** As the page of policies shows it. */
  readonly name: string;
  readonly ask: Ask;
  /** Fields of the route. */
  readonly route?: string;
  /** Fields of its service. */
  readonly service?: string;
  /** What it is compared with, by name. Default: the route that has nothing, asked the same. */
  readonly against?: string;
};

/** What requests bring along. */
export type Ask = 'nothing' | 'origin' | 'key' | 'token' | 'body';

export const asks: readonly Ask[] = ['nothing', 'origin', 'key', 'token', 'body'];

/** A route that has nothing, asked like the others. */
export function bareName(ask: Ask): string {
  return ask === 'nothing' ? 'no policy' : `no policy, ${ask}`;
}

/** The measured name of what differs in nothing: how far noise reaches. */
export const NOISE = 'no policy, again';

const KEY = 'auth: { anyOf: [{ apiKey: {} }] }';
const BUCKET = 'tokenBucket: { requests: 1000000, per: 1s }';
const SCHEMA = JSON.stringify({
  type: 'object',
  required: ['id', 'lines'],
  properties: {
    id: { type: 'string', maxLength: 64 },
    lines: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } } } },
  },
});
const schema = `validation: { requestSchema: { inline: '${SCHEMA}' } }`;

export const policyCosts: readonly PolicyCost[] = [
  { name: NOISE, ask: 'nothing' },
  { name: 'accessLog of errors, nothing fails', ask: 'nothing', route: 'accessLog: { errors: true }' },
  { name: 'cors', ask: 'origin', route: 'cors: { origins: ["https://app.example", "https://*.shop.example"] }' },
  { name: 'authorization.ip', ask: 'nothing', route: 'authorization: { ip: { allow: [127.0.0.0/8, 10.0.0.0/8] } }' },
  {
    name: 'rateLimits: tokenBucket, by clientIp',
    ask: 'nothing',
    route: `rateLimits: [{ name: l, by: [clientIp], ${BUCKET} }]`,
  },
  {
    name: 'rateLimits: slidingWindow, by clientIp',
    ask: 'nothing',
    route: 'rateLimits: [{ name: l, by: [clientIp], slidingWindow: { requests: 10000000, per: 10s } }]',
  },
  { name: 'auth: apiKey', ask: 'key', route: KEY },
  { name: 'auth: jwt, tokens repeat', ask: 'token', route: 'auth: { anyOf: [{ jwt: { issuers: [bench] } }] }' },
  {
    name: 'authorization.scopes',
    ask: 'key',
    route: `${KEY}, authorization: { scopes: { allOf: [read], anyOf: [write, admin] } }`,
    against: 'auth: apiKey',
  },
  {
    name: 'rateLimits: tokenBucket, by consumer',
    ask: 'key',
    route: `${KEY}, rateLimits: [{ name: l, by: [consumer], ${BUCKET} }]`,
    against: 'auth: apiKey',
  },
  {
    name: 'rateLimits: scope cluster, by global',
    ask: 'key',
    route: `${KEY}, rateLimits: [{ name: l, by: [global], scope: cluster, ${BUCKET} }]`,
    against: 'auth: apiKey',
  },
  { name: 'cache, hits', ask: 'nothing', route: 'cache: { ttl: 1h }' },
  { name: 'cache, answers that may not be kept', ask: 'nothing', route: 'cache: { maxBodyBytes: 1B, ttl: 1h }' },
  { name: 'faults, none drawn', ask: 'nothing', route: 'faults: { abort: { status: 418 }, when: { header: x-none } }' },
  { name: 'validation.contentTypes', ask: 'body', route: 'validation: { contentTypes: [application/json] }' },
  { name: 'validation.requestSchema, 1 KiB', ask: 'body', route: schema },
  { name: 'validation.requestSchema, 1 KiB, dryRun', ask: 'body', route: `mode: dryRun, ${schema}` },
  { name: 'requestBody, 1 KiB', ask: 'body', route: 'requestBody: { rename: { id: key }, set: { seen: true } }' },
  { name: 'responseBody, 26 bytes', ask: 'nothing', route: 'responseBody: { set: { seen: true } }' },
  { name: 'rewrite', ask: 'nothing', route: 'rewrite: { replacePrefix: /v2 }' },
  {
    name: 'requestHeaders',
    ask: 'nothing',
    route: 'requestHeaders: { set: { x-team: shop }, remove: [x-debug, accept] }',
  },
  { name: 'responseHeaders', ask: 'nothing', route: 'responseHeaders: { set: { x-team: shop }, remove: [server] }' },
  { name: 'mirror, every request', ask: 'nothing', route: 'mirror: { service: copies, percent: 100 }' },
  { name: 'retry, nothing fails', ask: 'nothing', route: 'retry: { attempts: 2 }' },
  { name: 'circuitBreaker', ask: 'nothing', service: 'circuitBreaker: {}' },
  { name: 'maxConcurrentRequests', ask: 'nothing', service: 'maxConcurrentRequests: 10000' },
];

/** Every route that is asked, the one that has nothing before those that are compared with it. */
export function routesOf(costs: readonly PolicyCost[]): readonly PolicyCost[] {
  return asks
    .map((ask) => costs.filter((cost) => cost.ask === ask))
    .flatMap((some) => (some.length === 0 ? [] : [{ name: bareName(some[0]!.ask), ask: some[0]!.ask }, ...some]));
}
