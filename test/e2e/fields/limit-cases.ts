import { type FieldCase, type Spec, statuses, type World } from './field-case.ts';
import { policy } from './policy-case.ts';

/** A limit that starts fresh with each observation. */
const limit = (extra: Spec, bucket: Spec = {}): Spec => ({
  rateLimits: [{ name: 'l', by: ['header:x-run'], tokenBucket: { requests: 1, per: '1h', ...bucket }, ...extra }],
});

const slidingLimit = (slidingWindow: Spec): Spec => ({ name: 'l', by: ['header:x-run'], slidingWindow });

/** How many of five requests pass, which have the consumer's key. */
const admitted = async (world: World): Promise<number> =>
  (await statuses(world, 5, { headers: { 'x-run': world.run, 'x-api-key': world.key } })).filter(
    (status) => status === 200,
  ).length;

const policyHeader = async ({ ask, run, key }: World): Promise<string | undefined> =>
  (await ask({ headers: { 'x-run': run, 'x-api-key': key } })).header('ratelimit-policy');

/** What a consumer has in place of limits of the route. */
const override = (
  proves: readonly string[],
  [from, to]: readonly [Spec, Spec],
  rateLimits: readonly Spec[],
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  ...{ proves, key: 'Consumer/c', from: { spec: from }, to: { spec: to } },
  others: {
    'Route/r': {
      spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: {} }] }, rateLimits },
    },
  },
  ...rest,
});

const perConsumer = (name: string): Spec => ({ name, by: ['consumer'], tokenBucket: { requests: 100, per: '1h' } });
const seven = (name: string): Spec => ({ rateLimits: [{ name, tokenBucket: { requests: 7, per: '1h' } }] });

export const limitCases: readonly FieldCase[] = [
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
  override(['Consumer.rate_limits', 'RateLimitOverride.token_bucket'], [{}, seven('per')], [perConsumer('per')], {
    observe: policyHeader,
    was: '"per";q=100;w=3600',
    is: '"per";q=7;w=3600',
  }),
  override(
    ['RateLimitOverride.sliding_window'],
    [{}, { rateLimits: [{ name: 'per', slidingWindow: { requests: 2, per: '1h' } }] }],
    [{ name: 'per', by: ['consumer', 'header:x-run'], tokenBucket: { requests: 4, per: '1h' } }],
    { observe: admitted, was: 4, is: 2 },
  ),
  override(['RateLimitOverride.name'], [seven('one'), seven('two')], [perConsumer('one'), perConsumer('two')], {
    observe: policyHeader,
    was: '"one";q=7;w=3600, "two";q=100;w=3600',
    is: '"one";q=100;w=3600, "two";q=7;w=3600',
  }),
];
