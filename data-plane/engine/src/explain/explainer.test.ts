import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseManifests } from '../manifest/parse-manifests.ts';
import { type AssumedCaller, type ExplainedRequest, Explainer } from './explainer.ts';

const spec = (kind: string, name: string, value: object) => JSON.stringify({ kind, name, spec: value });
const route = (name: string, value: object) =>
  spec('Route', name, { match: [{ path: { prefix: `/${name}` } }], service: 'up', ...value });
const BUCKET = { tokenBucket: { requests: 5, per: '1m' } };
const KEY = { anyOf: [{ apiKey: {} }] };
const SCHEMA = { requestSchema: { inline: '{"type":"object","required":["id"]}' } };

const explainer = explainerOf(
  spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }, { address: '127.0.0.1:2' }] }),
  spec('Service', 'one', { endpoints: [{ address: '127.0.0.1:1' }] }),
  spec('Service', 'found', { discovery: { dns: { name: 'up.internal' } } }),
  spec('Service', 'off', { enabled: false, endpoints: [{ address: '127.0.0.1:1' }] }),
  spec('NodeGroup', 'other', {}),
  spec('Service', 'elsewhere', { endpoints: [{ address: '127.0.0.1:1', nodeGroups: ['other'] }] }),
  spec('Consumer', 'alice', {
    scopes: ['read'],
    groups: ['staff'],
    rateLimits: [{ name: 'each', tokenBucket: { requests: 50, per: '1s' } }],
  }),
  spec('Consumer', 'bob', {}),
  spec('Issuer', 'main', { issuer: 'main', algorithms: ['HS256'], secret: { inline: 'x'.repeat(32) } }),
  spec('Policy', 'dry', {
    mode: 'dryRun',
    auth: KEY,
    authorization: { scopes: { allOf: ['write'] }, ip: { deny: ['10.0.0.0/8'] } },
    rateLimits: [{ name: 'tried', ...BUCKET }],
    validation: SCHEMA,
  }),
  route('plain', {}),
  route('one', { service: 'one' }),
  route('found', { service: 'found' }),
  route('hosted', {
    match: [{ path: { prefix: '/hosted' }, headers: { host: { prefix: 'a.' }, 'x-a': { exact: '1' } } }],
  }),
  route('logged', { accessLog: { sample: 1 }, tracing: { sample: 0.125 } }),
  route('logged-some', { accessLog: { sample: 0.5, errors: true } }),
  route('logged-few', { accessLog: { sample: 0.001 } }),
  route('logged-errors', { accessLog: { errors: true } }),
  route('logged-never', { accessLog: {} }),
  route('cached', { cache: { ttl: '1m' } }),
  route('small', { bodyBytes: '2B' }),
  route('off', { service: 'off' }),
  route('elsewhere', { service: 'elsewhere' }),
  route('moved', { service: '', redirect: { scheme: 'https', host: 'b.example', port: 8443 } }),
  route('moved-port', { service: '', redirect: { port: 8443 } }),
  route('moved-scheme', { service: '', redirect: { scheme: 'https' } }),
  route('same', { service: '', redirect: { path: { replace: '/x' } } }),
  route('answered', { service: '', respond: { status: 204 } }),
  route('cors', { cors: { origins: ['https://app.example'], methods: ['PUT'], headers: ['x-a'] } }),
  route('near', { authorization: { ip: { allow: ['10.0.0.0/8'] } } }),
  route('keyed', { auth: { anyOf: [{ apiKey: { cookie: 'k' } }, { jwt: { issuers: ['main', 'sluice'] } }] } }),
  route('open', { auth: { ...KEY, optional: true } }),
  route('scoped', { auth: KEY, authorization: { scopes: { allOf: ['read'], anyOf: ['write', 'read'] } } }),
  route('staff', { auth: KEY, authorization: { groups: { anyOf: ['staff', 'shops'] } } }),
  route('claims', {
    auth: { anyOf: [{ jwt: { issuers: ['main'] } }] },
    authorization: { claims: { region: ['north'] } },
  }),
  route('bare', { authorization: { scopes: { allOf: ['read'] } } }),
  route('limited', {
    auth: { ...KEY, optional: true },
    rateLimits: [
      { name: 'ips', by: ['clientIp'], slidingWindow: { requests: 10, per: '1s' } },
      { name: 'each', by: ['consumer', 'header:x-team'], cost: 2, ...BUCKET },
      { name: 'all', by: ['global'], ...BUCKET },
      { name: 'posts', by: ['route'], match: { methods: ['POST'] }, ...BUCKET },
    ],
  }),
  route('shared', {
    service: '',
    destinations: [
      { service: 'up', weight: 3 },
      { service: 'off', weight: 1 },
    ],
  }),
  route('sticky', {
    service: '',
    stickyBy: ['header:x-team', 'clientIp'],
    destinations: [
      { service: 'up', weight: 1 },
      { service: 'one', weight: 1 },
    ],
  }),
  route('failing', { faults: { abort: { status: 418 } } }),
  route('failing-late', { faults: { delay: { for: '100ms' }, abort: { status: 503 } } }),
  route('rehearsing', {
    faults: {
      delay: { for: '100ms', percent: 50 },
      abort: { status: 503, percent: 10 },
      when: { header: 'x-rehearse' },
    },
  }),
  route('slow', { faults: { delay: { for: '100ms', percent: 50 } } }),
  route('failing-some', { faults: { abort: { status: 503, percent: 10 } } }),
  route('orders', { validation: SCHEMA, bodyBytes: '40B' }),
  route('typed', { validation: { contentTypes: ['text/*'] } }),
  route('edited', { requestBody: { set: { a: 1 }, maxBytes: '40B' }, responseBody: { remove: ['b'] } }),
  route('upgraded', { webSocket: true }),
  route('rewritten', {
    rewrite: { replacePrefix: '/v2', host: 'b.example' },
    requestHeaders: { set: { 'x-a': '1' } },
    responseHeaders: { remove: ['server'] },
  }),
  route('copied', { mirror: { service: 'one', percent: 12.5 } }),
  route('tried', { policies: ['dry'] }),
  route('tried-here', { mode: 'dryRun', auth: KEY, authorization: { groups: { allOf: ['staff'] } } }),
);

function explainerOf(...manifests: readonly string[]): Explainer {
  const { documents, problems } = parseManifests(manifests.join('\n---\n'), { file: '' });
  expect(problems).toEqual([]);
  const made = new Explainer(
    documents.map(({ resource }) => resource),
    { limit: 2 },
  );
  expect(made.held).toEqual([]);
  return made;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly address?: string;
  readonly caller?: Partial<AssumedCaller>;
}

function requestOf(
  target: string,
  { method = 'GET', headers = {}, body, address, caller }: Asked = {},
): ExplainedRequest {
  return {
    ...{ listener: 'http', method, host: 'a.example', target, address },
    headers: new Map(Object.entries(headers)),
    body: body === undefined ? undefined : Buffer.from(body),
    caller: caller && { consumer: undefined, scopes: [], groups: [], claims: null, ...caller },
  };
}

/** What each step but the route and the service says, and what becomes of the request. */
function told(target: string, asked?: Asked): string[] {
  const { outcome, steps } = explainer.decide(requestOf(target, asked));
  const said = steps
    .filter(
      ({ step }) =>
        step !== 'route' &&
        (step !== 'service' || target === '/sticky' || target === '/shared' || ['/one', '/found'].includes(target)),
    )
    .map(({ step, verdict, says }) => `${step} ${verdict}: ${says}`);
  return [...said, `${outcome.kind} ${outcome.status ?? ''} ${outcome.code ?? ''}`.trim().replace(/ +/, ' ')];
}

const json = { 'content-type': 'application/json' };
const alice = { caller: { consumer: 'alice' } };
const preflight = (origin: string, method: string, more: object = {}): Asked => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': method, ...more },
});

const requests: readonly (readonly [target: string, asked?: Asked])[] = [
  ['/plain'],
  ['/one'],
  ['/found'],
  ['/hosted'],
  ['/hosted', { headers: { 'x-a': '1' } }],
  ['/logged'],
  ['/logged-some'],
  ['/logged-few'],
  ['/logged-errors'],
  ['/logged-never'],
  ['/cached'],
  ['/cached', { method: 'HEAD' }],
  ['/cached', { method: 'POST' }],
  ['/small', { method: 'POST', body: 'ab' }],
  ['/small', { method: 'POST', body: 'abc' }],
  ['/off'],
  ['/elsewhere'],
  ['/moved'],
  ['/moved-port'],
  ['/moved-scheme'],
  ['/same'],
  ['/answered'],
  ['/cors'],
  ['/cors', { headers: { origin: 'https://app.example' } }],
  ['/cors', { headers: { origin: 'https://other.example' } }],
  ['/cors', preflight('https://app.example', 'PUT', { 'access-control-request-headers': 'x-a' })],
  ['/cors', preflight('https://app.example', 'DELETE')],
  ['/cors', preflight('https://other.example', 'PUT')],
  ['/near'],
  ['/near', { address: '10.1.2.3' }],
  ['/near', { address: '127.0.0.1' }],
  ['/plain', alice],
  ['/keyed'],
  ['/keyed', alice],
  ['/keyed', { caller: {} }],
  ['/open'],
  ['/scoped'],
  ['/scoped', alice],
  ['/scoped', { caller: { consumer: 'bob' } }],
  ['/staff', alice],
  ['/staff', { caller: { consumer: 'bob' } }],
  ['/staff', { caller: { consumer: 'bob', groups: ['none'] } }],
  ['/keyed', { headers: { 'x-api-key': 'k' } }],
  ['/open', { headers: { 'x-api-key': 'k' } }],
  ['/claims', { headers: { authorization: 'Bearer t' } }],
  ['/claims', { headers: { authorization: 'Basic t' } }],
  ['/claims', { caller: { consumer: 'alice' } }],
  ['/claims', { caller: { claims: { region: 'north' } } }],
  ['/claims', { caller: { claims: { region: 'south' } } }],
  ['/bare'],
  ['/bare', alice],
  ['/limited'],
  ['/limited', { ...alice, method: 'POST' }],
  ['/shared'],
  ['/sticky'],
  ['/failing'],
  ['/failing-late'],
  ['/rehearsing'],
  ['/rehearsing', { headers: { 'x-rehearse': '1' } }],
  ['/slow'],
  ['/failing-some'],
  ['/orders'],
  ['/orders', { method: 'POST' }],
  ['/orders', { method: 'POST', body: '{}' }],
  ['/orders', { method: 'POST', body: '{', headers: json }],
  ['/orders', { method: 'POST', body: '{}', headers: json }],
  ['/orders', { method: 'POST', body: '{"id":1}', headers: json }],
  ['/orders', { method: 'POST', body: ' '.repeat(41), headers: json }],
  ['/typed', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }],
  ['/edited'],
  ['/edited', { method: 'POST', body: 'x' }],
  ['/edited', { method: 'POST', body: '{', headers: json }],
  ['/edited', { method: 'POST', body: '{}', headers: json }],
  ['/edited', { method: 'POST', body: ' '.repeat(41), headers: json }],
  ['/plain', { method: 'POST', body: 'x' }],
  ['/upgraded', { headers: { upgrade: 'WebSocket' } }],
  ['/plain', { headers: { upgrade: 'websocket' } }],
  ['/rewritten'],
  ['/copied'],
  ['/tried', { method: 'POST', body: '{}', headers: json, address: '10.0.0.1' }],
  ['/tried', { ...alice, method: 'POST', body: '{"id":1}', headers: json, address: '127.0.0.1' }],
  ['/tried-here'],
  ['/tried-here', alice],
  ['/nothing'],
  ['/%2f'],
];

/** Written by running with UPDATE_GOLDENS=1; its diff is the review. */
const golden = join(import.meta.dirname, 'testdata', 'explained.golden');

describe('what is explained of a request', () => {
  test('is what its route says of it, step by step', () => {
    const explained = requests
      .map(([target, asked]) => [`== ${target} ${JSON.stringify(asked ?? {})}`, ...told(target, asked), ''].join('\n'))
      .join('\n');
    if (process.env.UPDATE_GOLDENS === '1') writeFileSync(golden, explained);
    else expect(explained).toBe(readFileSync(golden, 'utf8'));
  });

  test('names a listener and a consumer that are not there', () => {
    expect(() => explainer.decide({ ...requestOf('/plain'), listener: 'no' })).toThrow('there is no listener no');
    expect(() => told('/plain', { caller: { consumer: 'nobody' } })).toThrow('there is no consumer nobody');
    expect(explainer.explain(requestOf('/%2f'))).toMatchObject({ taking: undefined, alsoTaking: [], nearest: [] });
  });
});

test('what takes a request comes with what else would, and what nearly does', () => {
  const some = explainerOf(
    spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }] }),
    route('a', { match: [{ path: { prefix: '/shop' } }] }),
    route('b', { match: [{ path: { prefix: '/shop/items' } }] }),
    route('c', { match: [{ path: { exact: '/shop/items/8' } }] }),
    route('d', { match: [{ path: { prefix: '/shop/items' }, methods: ['PUT'] }, { path: { exact: '/far' } }] }),
    route('e', { enabled: false, match: [{ path: { prefix: '/shop/items/7' } }] }),
  );
  const { route: name, taking, alsoTaking, nearest } = some.explain(requestOf('/shop/items/7'));
  expect([name, taking?.rank.routeName]).toEqual(['b', 'b']);
  expect(alsoTaking.map(({ rank }) => rank.routeName)).toEqual(['a']);
  expect(nearest.map(({ rank, failed }) => `${rank.routeName} ${failed?.kind}`)).toEqual(['c path', 'd method']);
  expect(some.decide(requestOf('/far', { method: 'DELETE' })).outcome).toMatchObject({ kind: 'forward' });
  const only = explainerOf(
    spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }] }),
    route('d', { match: [{ path: { prefix: '/' }, methods: ['PUT', 'GET'] }] }),
  );
  expect(only.decide(requestOf('/x', { method: 'DELETE' })).outcome).toMatchObject({
    ...{ kind: 'refuse', status: 405, says: 'routes take it with the method GET or HEAD or PUT, and not with DELETE' },
  });
});

test('of two matches of a route the nearer is told, of routes on another listener none', () => {
  const some = explainerOf(
    spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }] }),
    spec('Listener', 'http', { address: '127.0.0.1:8080' }),
    spec('Listener', 'inner', { address: '127.0.0.1:8081' }),
    route('far', {
      match: [{ path: { exact: '/shop/items/7/x' } }, { path: { exact: '/shop' } }],
      listeners: ['http'],
    }),
    route('near', { match: [{ path: { exact: '/sho' } }, { path: { exact: '/shop/items/8' } }] }),
    route('elsewhere', { match: [{ path: { exact: '/shop/items/9' } }], listeners: ['inner'] }),
  );
  const { nearest, outcome } = some.explain(requestOf('/shop/items/7'));
  expect(nearest.map(({ rank }) => `${rank.routeName} ${rank.matchIndex}`)).toEqual(['far 0', 'near 1']);
  expect(outcome).toMatchObject({ kind: 'refuse', status: 404, code: 'route_not_found' });
});

test('a secret that is only known by its fingerprint hides nothing of the configuration', () => {
  const some = explainerOf(
    spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }] }),
    spec('Issuer', 'main', { issuer: 'i', algorithms: ['HS512'], secret: { unchanged: 'sha256:0123456789abcdef' } }),
    route('keyed', { auth: { anyOf: [{ jwt: { issuers: ['main'] } }] } }),
  );
  expect(some.decide(requestOf('/keyed')).outcome).toMatchObject({
    status: 401,
    says: 'needs a token of main, and nobody is assumed',
  });
});

test('what a node would hold is told, and refused where nothing older is served', () => {
  const { documents } = parseManifests(
    [spec('Service', 'up', { protocol: 'http2', endpoints: [{ address: '127.0.0.1:1' }] }), route('held', {})].join(
      '\n---\n',
    ),
    { file: '' },
  );
  const some = new Explainer(documents.map(({ resource }) => resource));
  expect(some.held.map(({ kind, name }) => `${kind}/${name}`)).toContain('Service/up');
  const { outcome, steps } = some.decide(requestOf('/held'));
  expect(outcome).toMatchObject({ kind: 'refuse', status: 503, code: 'policy_unavailable' });
  expect(steps.at(-1)).toMatchObject({ step: 'availability', verdict: 'end' });
});

test('a node that believes no credential refuses who presents one and who has to, and takes nobody for a consumer in a dry run', () => {
  const { documents } = parseManifests(
    [
      spec('Service', 'up', { endpoints: [{ address: '127.0.0.1:1' }] }),
      spec('Consumer', 'alice', {}),
      spec('Policy', 'dry', { mode: 'dryRun', auth: KEY }),
      route('plain', {}),
      route('keyed', { auth: KEY }),
      route('open', { auth: { ...KEY, optional: true } }),
      route('tried', { policies: ['dry'] }),
    ].join('\n---\n'),
    { file: '' },
  );
  const some = new Explainer(
    documents.map(({ resource }) => resource),
    { disbelief: 'n1 is cut off' },
  );
  const outcome = (target: string, asked?: Asked) => some.decide(requestOf(target, asked)).outcome;
  const refused = { status: 503, code: 'policy_unavailable', says: 'no credential is believed: n1 is cut off' };
  expect(outcome('/keyed')).toMatchObject(refused);
  expect(outcome('/keyed', alice)).toMatchObject(refused);
  expect(outcome('/open', alice)).toMatchObject(refused);
  expect(outcome('/open', { headers: { 'x-api-key': 'k' } })).toMatchObject(refused);
  for (const target of ['/open', '/plain', '/tried']) expect(outcome(target).kind).toBe('forward');
  expect(some.decide(requestOf('/tried', alice)).steps).toContainEqual({
    ...{ step: 'dry run', verdict: 'pass' },
    says: 'would be refused, and passes: no credential is believed: n1 is cut off',
  });
});
