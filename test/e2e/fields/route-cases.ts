import { type FieldCase, type Spec, statuses, type World } from './field-case.ts';

const anyPath = [{ path: { prefix: '/' } }];
const route = (spec: Spec): { spec: Spec } => ({ spec: { match: anyPath, service: 's', ...spec } });
const status = async ({ ask }: World): Promise<number> => (await ask()).status;
const at =
  (target: string, headers: Record<string, string> = {}) =>
  async ({ ask }: World): Promise<number> =>
    (await ask({ target, headers })).status;

/** The last request's line and header at the origin. */
async function atOrigin(world: World, target: string, header?: string): Promise<string | undefined> {
  await world.ask({ target, headers: { 'x-given': 'by client', 'x-api-key': world.key } });
  const request = world.origin.requests.at(-1)!;
  return header === undefined ? request.target : (request.header(header) ?? 'absent');
}

const matchCase = (proves: readonly string[], from: Spec, to: Spec, observe: FieldCase['observe']): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route({ match: [from] }),
  to: route({ match: [to] }),
  observe,
  was: 200,
  is: 404,
});

const next = { 'Service/next': { spec: { endpoints: [{ address: 'OTHER' }] } } };

/** An answer that comes in pieces 150 ms apart, 600 ms in all: whole, or cut. */
const slowAnswer = async ({ ask, origin }: World): Promise<string> => {
  origin.reply = () => ({ body: 'x'.repeat(400), pace: { bytes: 100, everyMs: 150 } });
  return await ask().then(
    ({ body }) => (body.length === 400 ? 'whole' : 'cut'),
    () => 'cut',
  );
};

const answerCase =
  (field: 'redirect' | 'respond', header: string) =>
  (proves: readonly string[], from: Spec, to: Spec, was: unknown, is: unknown): FieldCase => ({
    proves,
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/a' } }], [field]: from } },
    to: { spec: { match: [{ path: { prefix: '/a' } }], [field]: to } },
    observe: async ({ ask }) => {
      const answer = await ask({ target: '/a/b', headers: { host: 'api.example' } });
      return [answer.status, answer.header(header) ?? answer.body.toString()];
    },
    was,
    is,
  });

const redirectCase = answerCase('redirect', 'location');
const redirectCases: readonly FieldCase[] = [
  redirectCase(
    ['Route.redirect', 'Redirect.scheme'],
    { host: 'b.example' },
    { host: 'b.example', scheme: 'https' },
    [308, 'http://b.example/a/b'],
    [308, 'https://b.example/a/b'],
  ),
  redirectCase(
    ['Redirect.host'],
    { host: 'b.example' },
    { host: 'c.example' },
    [308, 'http://b.example/a/b'],
    [308, 'http://c.example/a/b'],
  ),
  redirectCase(
    ['Redirect.port'],
    { port: 81 },
    { port: 82 },
    [308, 'http://api.example:81/a/b'],
    [308, 'http://api.example:82/a/b'],
  ),
  redirectCase(
    ['Redirect.status'],
    { port: 81 },
    { port: 81, status: 302 },
    [308, 'http://api.example:81/a/b'],
    [302, 'http://api.example:81/a/b'],
  ),
  redirectCase(
    ['Redirect.path', 'RedirectPath.replace', 'RedirectPath.replace_prefix'],
    { path: { replace: '/c' } },
    { path: { replacePrefix: '/c' } },
    [308, '/c'],
    [308, '/c/b'],
  ),
];

const respondCases: readonly FieldCase[] = [
  answerCase('respond', 'x-none')(
    ['Route.respond', 'DirectResponse.status'],
    { status: 200, text: 'a' },
    { status: 404, text: 'a' },
    [200, 'a'],
    [404, 'a'],
  ),
  answerCase('respond', 'x-none')(
    ['DirectResponse.text', 'DirectResponse.json'],
    { status: 200, text: 'a' },
    { status: 200, json: 'a' },
    [200, 'a'],
    [200, '"a"'],
  ),
  answerCase('respond', 'x-given')(
    ['DirectResponse.headers'],
    { status: 200, headers: { 'x-given': 'a' } },
    { status: 200, headers: { 'x-given': 'b' } },
    [200, 'a'],
    [200, 'b'],
  ),
];

const faultCase = (
  proves: readonly string[],
  from: Spec | undefined,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route(from ? { faults: from } : {}),
  to: route({ faults: to }),
  ...rest,
});

const isSlow = async ({ ask }: World): Promise<boolean> => {
  const since = performance.now();
  await ask();
  return performance.now() - since > 4_000;
};

const faultCases: readonly FieldCase[] = [
  faultCase(
    ['Route.faults', 'Faults.abort'],
    undefined,
    { abort: { status: 500 } },
    { observe: status, was: 200, is: 500 },
  ),
  faultCase(
    ['FaultAbort.status'],
    { abort: { status: 500 } },
    { abort: { status: 503 } },
    { observe: status, was: 500, is: 503 },
  ),
  faultCase(
    ['FaultAbort.percent'],
    { abort: { status: 500 } },
    { abort: { status: 500, percent: 0 } },
    { observe: status, was: 500, is: 200 },
  ),
  faultCase(
    ['Faults.when', 'FaultCondition.header'],
    { abort: { status: 500 }, when: { header: 'x-given' } },
    { abort: { status: 500 }, when: { header: 'x-other' } },
    { observe: at('/', { 'x-given': '1' }), was: 500, is: 200 },
  ),
  faultCase(
    ['Faults.delay', 'FaultDelay.for'],
    { delay: { for: '1ms' } },
    { delay: { for: '4100ms' } },
    { observe: isSlow, was: false, is: true },
  ),
  faultCase(
    ['FaultDelay.percent'],
    { delay: { for: '4100ms' } },
    { delay: { for: '4100ms', percent: 0 } },
    { observe: isSlow, was: true, is: false },
  ),
];

/** What a JSON body is at the other end: of a request at the origin, of an answer at the client. */
const body =
  (direction: 'request' | 'answer') =>
  async ({ ask, origin }: World): Promise<string> => {
    origin.reply = () => ({ headers: { 'content-type': 'application/json' }, body: '{"a":1}' });
    const answer = await ask({ method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' });
    const whole = direction === 'request' ? origin.requests.at(-1)!.body : answer.body;
    return answer.status === 200 ? whole.toString() : `${answer.status}`;
  };

const bodyCase = (proves: readonly string[], from: Spec, to: Spec, was: unknown, is: unknown): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route({ requestBody: from }),
  to: route({ requestBody: to }),
  observe: body('request'),
  was,
  is,
});

const bodyCases: readonly FieldCase[] = [
  {
    proves: ['Route.response_body'],
    key: 'Route/r',
    from: route({}),
    to: route({ responseBody: { remove: ['a'] } }),
    observe: body('answer'),
    was: '{"a":1}',
    is: '{}',
  },
  {
    proves: ['Route.request_body', 'BodyEdits.remove'],
    key: 'Route/r',
    from: route({}),
    to: route({ requestBody: { remove: ['a'] } }),
    observe: body('request'),
    was: '{"a":1}',
    is: '{}',
  },
  bodyCase(['BodyEdits.rename'], { rename: { a: 'b' } }, { rename: { a: 'c' } }, '{"b":1}', '{"c":1}'),
  bodyCase(['BodyEdits.set'], { set: { a: 'b' } }, { set: { a: 'c' } }, '{"a":"b"}', '{"a":"c"}'),
  bodyCase(['BodyEdits.max_bytes'], { set: { a: 2 } }, { set: { a: 2 }, maxBytes: '6B' }, '{"a":2}', '413'),
];

/** Whether the other origin gets a copy of a request. */
const mirrorCase = (proves: readonly string[], from: Spec, to: Spec, was: unknown, is: unknown): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route(from),
  to: route(to),
  others: { ...next, 'Service/nowhere': { spec: { endpoints: [{ address: '127.0.0.1:1' }] } } },
  observe: async ({ ask, other }) => {
    const before = other.requests.length;
    await ask();
    const copied = () => other.requests.length > before;
    // A copy comes within moments or never.
    for (let looks = 0; looks < 50 && !copied(); looks++) await new Promise((resolve) => setTimeout(resolve, 10));
    return copied();
  },
  was,
  is,
});

const mirrorCases: readonly FieldCase[] = [
  mirrorCase(['Route.mirror'], {}, { mirror: { service: 'next' } }, false, true),
  mirrorCase(['Mirror.service'], { mirror: { service: 'nowhere' } }, { mirror: { service: 'next' } }, false, true),
  mirrorCase(
    ['Mirror.percent'],
    { mirror: { service: 'next', percent: 0 } },
    { mirror: { service: 'next', percent: 100 } },
    false,
    true,
  ),
];

export const routeCases: readonly FieldCase[] = [
  {
    proves: ['Route.enabled'],
    key: 'Route/r',
    from: route({}),
    to: route({ enabled: false }),
    observe: status,
    was: 200,
    is: 404,
  },
  {
    proves: ['Route.priority'],
    key: 'Route/low',
    from: { spec: { match: [{ path: { prefix: '/x' } }], service: 'o' } },
    to: { spec: { match: [{ path: { prefix: '/x' } }], service: 'o', priority: -1 } },
    others: { 'Service/o': { spec: { endpoints: [{ address: 'OTHER' }] } } },
    observe: async ({ ask }) => (await ask({ target: '/x' })).header('x-origin'),
    was: 'other',
    is: 'main',
  },
  {
    proves: ['Route.hosts'],
    key: 'Route/r',
    from: route({ hosts: ['a.example'] }),
    to: route({ hosts: ['b.example'] }),
    observe: at('/', { host: 'a.example' }),
    was: 200,
    is: 404,
  },
  matchCase(
    ['Route.match', 'RouteMatch.path', 'PathMatch.prefix'],
    { path: { prefix: '/a' } },
    { path: { prefix: '/b' } },
    at('/a/1'),
  ),
  matchCase(['PathMatch.exact'], { path: { exact: '/a' } }, { path: { exact: '/b' } }, at('/a')),
  matchCase(['PathMatch.template'], { path: { template: '/a/{id}' } }, { path: { template: '/b/{id}' } }, at('/a/1')),
  matchCase(['PathMatch.regex'], { path: { regex: '/a+' } }, { path: { regex: '/b+' } }, at('/aaa')),
  {
    ...matchCase(['RouteMatch.methods'], { methods: ['GET'] }, { methods: ['POST'] }, at('/')),
    is: 405,
  },
  matchCase(
    ['RouteMatch.headers', 'StringMatch.exact'],
    { headers: { 'x-a': { exact: '1' } } },
    { headers: { 'x-a': { exact: '2' } } },
    at('/', { 'x-a': '1' }),
  ),
  matchCase(
    ['StringMatch.prefix'],
    { headers: { 'x-a': { prefix: '1' } } },
    { headers: { 'x-a': { prefix: '2' } } },
    at('/', { 'x-a': '12' }),
  ),
  matchCase(
    ['StringMatch.regex'],
    { headers: { 'x-a': { regex: '1+' } } },
    { headers: { 'x-a': { regex: '2+' } } },
    at('/', { 'x-a': '11' }),
  ),
  matchCase(
    ['StringMatch.present'],
    { headers: { 'x-a': { present: true } } },
    { headers: { 'x-a': { present: false } } },
    at('/', { 'x-a': '1' }),
  ),
  matchCase(['RouteMatch.query'], { query: { a: { exact: '1' } } }, { query: { a: { exact: '2' } } }, at('/?a=1')),
  {
    proves: ['Route.listeners'],
    key: 'Route/r',
    from: route({}),
    to: route({ listeners: ['elsewhere'] }),
    others: {
      'Listener/http': { spec: { address: '127.0.0.1:1' } },
      'Listener/elsewhere': { spec: { address: '127.0.0.1:FREE1' } },
    },
    observe: status,
    was: 200,
    is: 404,
  },
  {
    proves: ['Route.service'],
    key: 'Route/r',
    from: route({ service: 's' }),
    to: route({ service: 'o' }),
    others: { 'Service/o': { spec: { endpoints: [{ address: 'OTHER' }] } } },
    observe: async ({ ask }) => (await ask()).header('x-origin'),
    was: 'main',
    is: 'other',
  },
  {
    proves: ['Route.rewrite', 'Rewrite.strip_prefix'],
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/api' } }], service: 's' } },
    to: { spec: { match: [{ path: { prefix: '/api' } }], service: 's', rewrite: { stripPrefix: '/api' } } },
    observe: (world) => atOrigin(world, '/api/users?x=1'),
    was: '/api/users?x=1',
    is: '/users?x=1',
  },
  {
    proves: ['Rewrite.replace_prefix'],
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/api' } }], service: 's', rewrite: { replacePrefix: '/v1' } } },
    to: { spec: { match: [{ path: { prefix: '/api' } }], service: 's', rewrite: { replacePrefix: '/v2' } } },
    observe: (world) => atOrigin(world, '/api/users'),
    was: '/v1/users',
    is: '/v2/users',
  },
  {
    proves: ['Rewrite.path'],
    key: 'Route/r',
    from: { spec: { match: [{ path: { template: '/u/{id}' } }], service: 's', rewrite: { path: '/a/{id}' } } },
    to: { spec: { match: [{ path: { template: '/u/{id}' } }], service: 's', rewrite: { path: '/b/{id}' } } },
    observe: (world) => atOrigin(world, '/u/7'),
    was: '/a/7',
    is: '/b/7',
  },
  {
    proves: ['Rewrite.host'],
    key: 'Route/r',
    from: route({ rewrite: { host: 'a.internal' } }),
    to: route({ rewrite: { host: 'b.internal' } }),
    observe: (world) => atOrigin(world, '/', 'host'),
    was: 'a.internal',
    is: 'b.internal',
  },
  {
    proves: ['Route.policies'],
    key: 'Route/r',
    from: route({}),
    to: route({ policies: ['p'] }),
    others: { 'Policy/p': { spec: { auth: { anyOf: [{ apiKey: {} }] } } } },
    observe: status,
    was: 200,
    is: 401,
  },
  {
    proves: ['Route.stream_idle_timeout'],
    key: 'Route/r',
    from: route({ streamIdleTimeout: '5s' }),
    to: route({ streamIdleTimeout: '60ms' }),
    observe: slowAnswer,
    was: 'whole',
    is: 'cut',
  },
  {
    proves: ['Route.max_duration'],
    key: 'Route/r',
    from: route({ maxDuration: '5s' }),
    to: route({ maxDuration: '200ms' }),
    observe: slowAnswer,
    was: 'whole',
    is: 'cut',
  },
  {
    proves: ['Route.body_bytes'],
    key: 'Route/r',
    from: route({ bodyBytes: '2KiB' }),
    to: route({ bodyBytes: '1KiB' }),
    observe: async ({ ask }) => (await ask({ method: 'POST', body: 'x'.repeat(1500) })).status,
    was: 200,
    is: 413,
  },
  {
    proves: ['Route.web_socket'],
    key: 'Route/r',
    from: route({}),
    to: route({ webSocket: true }),
    observe: async ({ ask, origin }) => {
      const headers = {
        ...{ connection: 'Upgrade', upgrade: 'websocket' },
        ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
      };
      await ask({ headers });
      return origin.requests.at(-1)!.header('upgrade');
    },
    was: undefined,
    is: 'websocket',
  },
  {
    proves: ['Route.auth', 'Auth.any_of', 'AuthMethod.api_key'],
    key: 'Route/r',
    from: route({}),
    to: route({ auth: { anyOf: [{ apiKey: {} }] } }),
    observe: status,
    was: 200,
    is: 401,
  },
  {
    proves: ['ApiKeyAuth.header'],
    key: 'Route/r',
    from: route({ auth: { anyOf: [{ apiKey: { header: 'x-one' } }] } }),
    to: route({ auth: { anyOf: [{ apiKey: { header: 'x-two' } }] } }),
    observe: async ({ ask, key }) => (await ask({ headers: { 'x-one': key } })).status,
    was: 200,
    is: 401,
  },
  {
    proves: ['ApiKeyAuth.query'],
    key: 'Route/r',
    from: route({ auth: { anyOf: [{ apiKey: { query: 'one' } }] } }),
    to: route({ auth: { anyOf: [{ apiKey: { query: 'two' } }] } }),
    observe: async ({ ask, key }) => (await ask({ target: `/?one=${key}` })).status,
    was: 200,
    is: 401,
  },
  {
    proves: ['ApiKeyAuth.forward'],
    key: 'Route/r',
    from: route({ auth: { anyOf: [{ apiKey: {} }] } }),
    to: route({ auth: { anyOf: [{ apiKey: { forward: true } }] } }),
    observe: async (world) => (await atOrigin(world, '/', 'x-api-key')) === world.key,
    was: false,
    is: true,
  },
  {
    proves: ['Auth.optional'],
    key: 'Route/r',
    from: route({ auth: { anyOf: [{ apiKey: {} }] } }),
    to: route({ auth: { anyOf: [{ apiKey: {} }], optional: true } }),
    observe: status,
    was: 401,
    is: 200,
  },
  {
    proves: ['Route.rate_limits'],
    key: 'Route/r',
    from: route({}),
    to: route({ rateLimits: [{ name: 'rl', by: ['header:x-run'], tokenBucket: { requests: 1, per: '1h' } }] }),
    observe: (world) => statuses(world, 2, { headers: { 'x-run': world.run } }),
    was: [200, 200],
    is: [200, 429],
  },
  {
    proves: ['Route.request_headers', 'HeaderEdits.set'],
    key: 'Route/r',
    from: route({ requestHeaders: { set: { 'x-given': 'one' } } }),
    to: route({ requestHeaders: { set: { 'x-given': 'two' } } }),
    observe: (world) => atOrigin(world, '/', 'x-given'),
    was: 'one',
    is: 'two',
  },
  {
    proves: ['HeaderEdits.add'],
    key: 'Route/r',
    from: route({ requestHeaders: { add: { 'x-added': 'one' } } }),
    to: route({ requestHeaders: { add: { 'x-added': 'two' } } }),
    observe: (world) => atOrigin(world, '/', 'x-added'),
    was: 'one',
    is: 'two',
  },
  {
    proves: ['HeaderEdits.remove'],
    key: 'Route/r',
    from: route({ requestHeaders: { remove: ['x-other'] } }),
    to: route({ requestHeaders: { remove: ['x-given'] } }),
    observe: (world) => atOrigin(world, '/', 'x-given'),
    was: 'by client',
    is: 'absent',
  },
  {
    proves: ['Route.response_headers'],
    key: 'Route/r',
    from: route({ responseHeaders: { set: { 'x-back': 'one' } } }),
    to: route({ responseHeaders: { set: { 'x-back': 'two' } } }),
    observe: async ({ ask }) => (await ask()).header('x-back'),
    was: 'one',
    is: 'two',
  },
  {
    proves: ['Route.timeout'],
    key: 'Route/r',
    from: route({ timeout: '5s' }),
    to: route({ timeout: '200ms' }),
    observe: async ({ ask, origin }) => {
      origin.reply = () => ({ delayMs: 500 });
      return (await ask()).status;
    },
    was: 200,
    is: 504,
  },
  {
    proves: ['Route.retry'],
    key: 'Route/r',
    from: route({}),
    to: route({ retry: { backoff: { base: '1ms' } } }),
    observe: async ({ ask, origin }) => {
      origin.reply = () => ({ status: 503 });
      const before = origin.requests.length;
      await ask();
      return origin.requests.length - before;
    },
    was: 1,
    is: 2,
  },
  {
    proves: ['Route.none', 'Policy.none'],
    key: 'Route/r',
    from: route({ policies: ['p'] }),
    to: route({ policies: ['p'], none: ['auth'] }),
    others: { 'Policy/p': { spec: { auth: { anyOf: [{ apiKey: {} }] } } } },
    observe: status,
    was: 401,
    is: 200,
  },
  {
    proves: ['Route.destinations', 'Destination.service'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }] } },
    to: { spec: { match: anyPath, destinations: [{ service: 'next' }] } },
    others: next,
    observe: async ({ ask }) => (await ask()).header('x-origin'),
    was: 'main',
    is: 'other',
  },
  {
    proves: ['Destination.weight'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }] } },
    to: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next', weight: 0 }] } },
    others: next,
    observe: async ({ ask }) => {
      // Each alone goes to either with an even chance: 40 that all go to one happen once in 10^12 runs.
      const origins = new Set<string | undefined>();
      for (let index = 0; index < 40; index++) origins.add((await ask()).header('x-origin'));
      return origins.size;
    },
    was: 2,
    is: 1,
  },
  {
    proves: ['Route.sticky_by'],
    key: 'Route/r',
    from: { spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }] } },
    to: {
      spec: { match: anyPath, destinations: [{ service: 's' }, { service: 'next' }], stickyBy: ['header:x-user'] },
    },
    others: next,
    observe: async ({ ask }) => {
      const origins = new Set<string | undefined>();
      for (let index = 0; index < 40; index++)
        origins.add((await ask({ headers: { 'x-user': 'u' } })).header('x-origin'));
      return origins.size;
    },
    was: 2,
    is: 1,
  },
  ...redirectCases,
  ...respondCases,
  {
    proves: ['Route.cors'],
    key: 'Route/r',
    from: route({}),
    to: route({ cors: { origins: ['https://a.example'] } }),
    observe: async ({ ask }) =>
      (await ask({ headers: { origin: 'https://a.example' } })).header('access-control-allow-origin'),
    was: undefined,
    is: 'https://a.example',
  },
  ...faultCases,
  ...bodyCases,
  ...mirrorCases,
  {
    proves: ['Route.validation'],
    key: 'Route/r',
    from: route({}),
    to: route({ validation: { requestSchema: { inline: '{"type":"object"}' } } }),
    observe: async ({ ask }) =>
      (await ask({ method: 'POST', headers: { 'content-type': 'application/json' }, body: '[]' })).status,
    was: 200,
    is: 422,
  },
];
