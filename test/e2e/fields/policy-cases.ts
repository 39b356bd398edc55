import { type FieldCase, type Spec, statuses, type World } from './field-case.ts';

const route: FieldCase['others'] = {
  'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', policies: ['p'] } },
};
const policy = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Policy/p',
  from: { spec: from },
  to: { spec: to },
  others: route,
  ...rest,
});

/** A limit that starts fresh with each observation. */
const limit = (extra: Spec, bucket: Spec = {}): Spec => ({
  rateLimits: [{ name: 'l', by: ['header:x-run'], tokenBucket: { requests: 1, per: '1h', ...bucket }, ...extra }],
});

const slidingLimit = (slidingWindow: Spec): Spec => ({ name: 'l', by: ['header:x-run'], slidingWindow });

const admitted = async (world: World): Promise<number> =>
  (await statuses(world, 5, { headers: { 'x-run': world.run } })).filter((status) => status === 200).length;

const policyHeader = async ({ ask, run }: World): Promise<string | undefined> =>
  (await ask({ headers: { 'x-run': run } })).header('ratelimit-policy');

/** What a preflight, or a request, of an origin is told under a name. */
const told =
  (name: string, preflight: boolean) =>
  async ({ ask }: World): Promise<string | undefined> =>
    (
      await ask({
        method: preflight ? 'OPTIONS' : 'GET',
        headers: { origin: 'https://a.example', ...(preflight ? { 'access-control-request-method': 'GET' } : {}) },
      })
    ).header(`access-control-${name}`);

const cors = (spec: Spec): Spec => ({ cors: { origins: ['https://a.example'], ...spec } });
const corsCases: readonly FieldCase[] = [
  policy(['Policy.cors', 'Cors.origins'], cors({}), cors({ origins: ['https://b.example'] }), {
    observe: told('allow-origin', false),
    was: 'https://a.example',
    is: undefined,
  }),
  policy(['Cors.methods'], cors({ methods: ['GET'] }), cors({ methods: ['PUT'] }), {
    observe: told('allow-methods', true),
    was: 'GET',
    is: 'PUT',
  }),
  policy(['Cors.headers'], cors({ headers: ['x-a'] }), cors({ headers: ['x-b'] }), {
    observe: told('allow-headers', true),
    was: 'x-a',
    is: 'x-b',
  }),
  policy(['Cors.expose_headers'], cors({ exposeHeaders: ['x-a'] }), cors({ exposeHeaders: ['x-b'] }), {
    observe: told('expose-headers', false),
    was: 'x-a',
    is: 'x-b',
  }),
  policy(['Cors.credentials'], cors({}), cors({ credentials: true }), {
    observe: told('allow-credentials', false),
    was: undefined,
    is: 'true',
  }),
  policy(['Cors.max_age'], cors({}), cors({ maxAge: '1m' }), {
    observe: told('max-age', true),
    was: '600',
    is: '60',
  }),
];

/** What becomes of a JSON body that is posted. */
const posted =
  (body: string, type = 'application/json') =>
  async ({ ask }: World): Promise<number> =>
    (await ask({ method: 'POST', headers: { 'content-type': type }, body })).status;

const schema = (value: unknown, more: Spec = {}): Spec => ({
  validation: { requestSchema: { inline: JSON.stringify(value) }, ...more },
});
const validationCases: readonly FieldCase[] = [
  policy(
    ['Policy.validation', 'Validation.request_schema', 'DataSource.inline'],
    schema({ type: 'object' }),
    schema({ type: 'array' }),
    { observe: posted('{}'), was: 200, is: 422 },
  ),
  policy(
    ['Validation.content_types'],
    { validation: { contentTypes: ['text/plain'] } },
    { validation: { contentTypes: ['text/*', 'application/json'] } },
    { observe: posted('{}'), was: 400, is: 200 },
  ),
  policy(['Validation.max_bytes'], schema(true), schema(true, { maxBytes: '8B' }), {
    observe: posted('[1, 2, 3]'),
    was: 200,
    is: 413,
  }),
];

export const policyCases: readonly FieldCase[] = [
  policy(
    ['Policy.auth'],
    {},
    { auth: { anyOf: [{ apiKey: {} }] } },
    { observe: async ({ ask }) => (await ask()).status, was: 200, is: 401 },
  ),
  policy(['Policy.rate_limits', 'RateLimit.token_bucket'], {}, limit({}), { observe: admitted, was: 5, is: 1 }),
  policy(['RateLimit.name'], limit({ name: 'one' }), limit({ name: 'two' }), {
    observe: policyHeader,
    was: '"one";q=1;w=3600',
    is: '"two";q=1;w=3600',
  }),
  policy(['TokenBucket.requests'], limit({}, { requests: 2, burst: 9 }), limit({}, { requests: 3, burst: 9 }), {
    observe: policyHeader,
    was: '"l";q=2;w=3600',
    is: '"l";q=3;w=3600',
  }),
  policy(['TokenBucket.per'], limit({}, { per: '1h' }), limit({}, { per: '2h' }), {
    observe: policyHeader,
    was: '"l";q=1;w=3600',
    is: '"l";q=1;w=7200',
  }),
  policy(['TokenBucket.burst'], limit({}, { burst: 2 }), limit({}, { burst: 4 }), { observe: admitted, was: 2, is: 4 }),
  policy(
    ['RateLimit.sliding_window'],
    limit({}),
    { rateLimits: [slidingLimit({ requests: 3, per: '1h' })] },
    {
      observe: admitted,
      was: 1,
      is: 3,
    },
  ),
  policy(
    ['SlidingWindow.requests'],
    { rateLimits: [slidingLimit({ requests: 2, per: '1h' })] },
    { rateLimits: [slidingLimit({ requests: 4, per: '1h' })] },
    { observe: admitted, was: 2, is: 4 },
  ),
  policy(
    ['SlidingWindow.per'],
    { rateLimits: [slidingLimit({ requests: 2, per: '1h' })] },
    { rateLimits: [slidingLimit({ requests: 2, per: '2h' })] },
    { observe: policyHeader, was: '"l";q=2;w=3600', is: '"l";q=2;w=7200' },
  ),
  policy(['RateLimit.scope'], limit({ fail: 'closed', scope: 'node' }), limit({ fail: 'closed', scope: 'cluster' }), {
    observe: (world) => statuses(world, 2, { headers: { 'x-run': world.run } }),
    was: [200, 429],
    is: [503, 503],
  }),
  policy(['RateLimit.fail'], limit({ scope: 'cluster', fail: 'open' }), limit({ scope: 'cluster', fail: 'closed' }), {
    observe: (world) => statuses(world, 2, { headers: { 'x-run': world.run } }),
    was: [200, 429],
    is: [503, 503],
  }),
  policy(['RateLimit.cost'], limit({ cost: 1 }, { burst: 4 }), limit({ cost: 2 }, { burst: 4 }), {
    observe: admitted,
    was: 4,
    is: 2,
  }),
  policy(['RateLimit.by'], limit({ by: ['header:x-run'] }), limit({ by: ['header:x-run', 'header:x-part'] }), {
    observe: async ({ ask, run }) => {
      const first = await ask({ headers: { 'x-run': run, 'x-part': '1' } });
      const second = await ask({ headers: { 'x-run': run, 'x-part': '2' } });
      return [first.status, second.status];
    },
    was: [200, 429],
    is: [200, 200],
  }),
  policy(
    ['RateLimit.match', 'RateLimitMatch.path'],
    limit({ match: { path: { prefix: '/other' } } }),
    limit({ match: { path: { prefix: '/x' } } }),
    {
      observe: (world) => statuses(world, 2, { target: '/x', headers: { 'x-run': world.run } }),
      was: [200, 200],
      is: [200, 429],
    },
  ),
  policy(['RateLimitMatch.methods'], limit({ match: { methods: ['POST'] } }), limit({ match: { methods: ['GET'] } }), {
    observe: (world) => statuses(world, 2, { headers: { 'x-run': world.run } }),
    was: [200, 200],
    is: [200, 429],
  }),
  policy(
    ['Policy.request_headers'],
    { requestHeaders: { set: { 'x-a': '1' } } },
    { requestHeaders: { set: { 'x-a': '2' } } },
    {
      observe: async ({ ask, origin }) => {
        await ask();
        return origin.requests.at(-1)!.header('x-a');
      },
      was: '1',
      is: '2',
    },
  ),
  policy(
    ['Policy.response_headers'],
    { responseHeaders: { set: { 'x-a': '1' } } },
    { responseHeaders: { set: { 'x-a': '2' } } },
    {
      observe: async ({ ask }) => (await ask()).header('x-a'),
      was: '1',
      is: '2',
    },
  ),
  policy(
    ['Policy.timeout'],
    { timeout: '5s' },
    { timeout: '200ms' },
    {
      observe: async ({ ask, origin }) => {
        origin.reply = () => ({ delayMs: 500 });
        return (await ask()).status;
      },
      was: 200,
      is: 504,
    },
  ),
  policy(
    ['Policy.retry'],
    {},
    { retry: { backoff: { base: '1ms' } } },
    {
      observe: async ({ ask, origin }) => {
        origin.reply = () => ({ status: 503 });
        const before = origin.requests.length;
        await ask();
        return origin.requests.length - before;
      },
      was: 1,
      is: 2,
    },
  ),
  {
    proves: ['Consumer.rate_limits', 'RateLimitOverride.token_bucket'],
    key: 'Consumer/c',
    from: { spec: {} },
    to: { spec: { rateLimits: [{ name: 'per', tokenBucket: { requests: 7, per: '1h' } }] } },
    others: {
      'Route/r': {
        spec: {
          match: [{ path: { prefix: '/' } }],
          service: 's',
          auth: { anyOf: [{ apiKey: {} }] },
          rateLimits: [{ name: 'per', by: ['consumer'], tokenBucket: { requests: 100, per: '1h' } }],
        },
      },
    },
    observe: async ({ ask, key }) => (await ask({ headers: { 'x-api-key': key } })).header('ratelimit-policy'),
    was: '"per";q=100;w=3600',
    is: '"per";q=7;w=3600',
  },
  {
    proves: ['RateLimitOverride.sliding_window'],
    key: 'Consumer/c',
    from: { spec: {} },
    to: { spec: { rateLimits: [{ name: 'per', slidingWindow: { requests: 2, per: '1h' } }] } },
    others: {
      'Route/r': {
        spec: {
          match: [{ path: { prefix: '/' } }],
          service: 's',
          auth: { anyOf: [{ apiKey: {} }] },
          rateLimits: [{ name: 'per', by: ['consumer', 'header:x-run'], tokenBucket: { requests: 4, per: '1h' } }],
        },
      },
    },
    observe: async (world) =>
      (await statuses(world, 5, { headers: { 'x-api-key': world.key, 'x-run': world.run } })).filter(
        (status) => status === 200,
      ).length,
    was: 4,
    is: 2,
  },
  {
    proves: ['RateLimitOverride.name'],
    key: 'Consumer/c',
    from: { spec: { rateLimits: [{ name: 'one', tokenBucket: { requests: 7, per: '1h' } }] } },
    to: { spec: { rateLimits: [{ name: 'two', tokenBucket: { requests: 7, per: '1h' } }] } },
    others: {
      'Route/r': {
        spec: {
          match: [{ path: { prefix: '/' } }],
          service: 's',
          auth: { anyOf: [{ apiKey: {} }] },
          rateLimits: ['one', 'two'].map((name) => ({
            name,
            by: ['consumer'],
            tokenBucket: { requests: 100, per: '1h' },
          })),
        },
      },
    },
    observe: async ({ ask, key }) => (await ask({ headers: { 'x-api-key': key } })).header('ratelimit-policy'),
    was: '"one";q=7;w=3600, "two";q=100;w=3600',
    is: '"one";q=100;w=3600, "two";q=7;w=3600',
  },
  ...corsCases,
  ...validationCases,
];
