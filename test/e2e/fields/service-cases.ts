import { hashTable, hashText, pickByHash } from '@sluice/engine';
import { connectRaw } from '../../harness/raw-client.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { elapsedMs, type FieldCase, type Spec, settlesWithin, statuses, type World } from './field-case.ts';

const service = (
  proves: readonly string[],
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Service/s',
  from: { spec: { endpoints: [{ address: 'ORIGIN' }], ...from } },
  to: { spec: { endpoints: [{ address: 'ORIGIN' }], ...to } },
  ...rest,
});

/** How many tries the origin sees of a request whose answer is always 503. */
const tries =
  (request: Parameters<World['ask']>[0] = {}) =>
  async ({ ask, origin }: World): Promise<number> => {
    origin.reply = () => ({ status: 503 });
    const before = origin.requests.length;
    await ask(request);
    return origin.requests.length - before;
  };

const quick = { backoff: { base: '1ms', max: '1ms' } };

/** Which origins answered so many requests, counted. */
const shares = async ({ ask, origin, other }: World, count: number): Promise<{ main: number; other: number }> => {
  const before = [origin.requests.length, other.requests.length] as const;
  for (let index = 0; index < count; index++) await ask();
  return { main: origin.requests.length - before[0], other: other.requests.length - before[1] };
};

const breaker = (extra: Spec): Spec => ({
  circuitBreaker: { consecutiveFailures: 2, openFor: '1h', halfOpenRequests: 1, ...extra },
});

const errorRate = (rate: Spec): Spec => ({
  circuitBreaker: { errorRate: rate, openFor: '1h', halfOpenRequests: 1 },
});

/** Fails until the breaker is open; how many requests reached the origin. */
async function openBreaker({ ask, origin }: World): Promise<number> {
  origin.reply = () => ({ status: 500 });
  const before = origin.requests.length;
  await waitFor('the breaker opens', async () => (await ask()).header('content-type') === 'application/problem+json');
  return origin.requests.length - before;
}

/** How many requests the origin has at once, of eight that come together and of which those that find no room are refused. */
async function mostAtOnce({ ask, origin }: World): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen = { now: 0, most: 0, refused: 0 };
  origin.reply = async () => {
    seen.most = Math.max(seen.most, ++seen.now);
    await promise;
    seen.now--;
    return {};
  };
  const asked = Array.from({ length: 8 }, async () => {
    if ((await ask()).status === 503) seen.refused++;
  });
  await waitFor('five are refused', () => seen.now > 0 && seen.refused >= 5);
  resolve();
  await Promise.all(asked);
  return seen.most;
}

/** Whether a request is answered at once while the origin holds the one before it. */
async function answersBehindAnother({ ask, origin }: World): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<void>();
  origin.reply = async () => {
    await promise;
    return {};
  };
  const before = origin.requests.length;
  const held = ask();
  await waitFor('the origin holds it', () => origin.requests.length > before);
  const second = ask();
  const isAnswered = await settlesWithin(second, 4_000);
  resolve();
  await Promise.all([held, second]);
  return isAnswered;
}

const slow = async ({ ask, origin }: World): Promise<string> => {
  origin.reply = () => ({ body: 'x'.repeat(400), pace: { bytes: 100, everyMs: 150 } });
  return await ask().then(
    ({ body }) => (body.length === 400 ? 'whole' : 'cut'),
    () => 'cut',
  );
};

const BOTH = [{ address: 'ORIGIN' }, { address: 'OTHER' }];

/** Which origin answered each of so many users. */
async function answeredBy({ ask }: World, count: number): Promise<(string | undefined)[]> {
  const origins: (string | undefined)[] = [];
  for (let n = 0; n < count; n++) {
    origins.push((await ask({ headers: { 'x-user': `user-${n}` } })).header('x-origin'));
  }
  return origins;
}

const originsOf = (origins: readonly (string | undefined)[]): number => new Set(origins).size;

/** The node's own zone is `here`. */
const ZONES = [
  { address: 'ORIGIN', zone: 'here' },
  { address: 'OTHER', zone: 'there' },
];

/** A service of its own with two endpoints: what is known of an endpoint outlives changes, and so the case before. */
const pair = (
  proves: readonly string[],
  name: string,
  from: Spec,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => {
  const spec = { endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] };
  return {
    proves,
    key: `Service/${name}`,
    from: {
      spec: { ...spec, ...from, loadBalancing: { roundRobin: {}, panicPercent: 0, ...(from.loadBalancing as Spec) } },
    },
    to: { spec: { ...spec, ...to, loadBalancing: { roundRobin: {}, panicPercent: 0, ...(to.loadBalancing as Spec) } } },
    others: { 'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: name } } },
    ...rest,
  };
};

const outliers = (more: Spec = {}): Spec => ({
  outlierDetection: { consecutiveFailures: 1, baseEjection: '1s', ...more },
});

/** How many of twenty requests one of two endpoints gets that fails all. It is there when they begin. */
async function failuresTaken(world: World): Promise<number> {
  const before = world.origin.requests.length;
  await waitFor('it is back', async () => {
    await world.ask();
    return world.origin.requests.length > before;
  });
  world.origin.reply = () => ({ status: 500 });
  return (await shares(world, 20)).main;
}

/** Has the second endpoint leave and come again. */
async function comesAgain({ admin }: World, name: string): Promise<void> {
  const { resource } = await admin.config.get({ ref: { kind: 'Service', name } });
  const whole = resource!.resource!;
  const spec = whole.spec as Extract<typeof whole.spec, { case: 'service' }>;
  const { endpoints } = spec.value;
  spec.value.endpoints = endpoints.slice(0, 1);
  await admin.waitUntilActive((await admin.config.apply({ resources: [whole] })).revision);
  spec.value.endpoints = endpoints;
  await admin.waitUntilActive((await admin.config.apply({ resources: [whole] })).revision);
}

export const serviceCases: readonly FieldCase[] = [
  service(
    ['Service.fallback', 'Fallback.response'],
    {},
    { fallback: [{ response: { status: 200, text: 'canned' } }] },
    {
      observe: async ({ ask, origin }) => {
        origin.reply = () => ({ status: 503, body: 'broken' });
        return (await ask()).body.toString();
      },
      was: 'broken',
      is: 'canned',
    },
  ),
  {
    proves: ['Fallback.service'],
    key: 'Service/s',
    from: { spec: { endpoints: [{ address: 'ORIGIN' }], fallback: [{ service: 'x' }] } },
    to: { spec: { endpoints: [{ address: 'ORIGIN' }], fallback: [{ service: 'y' }] } },
    others: {
      'Service/x': { spec: { endpoints: [{ address: 'ORIGIN' }] } },
      'Service/y': { spec: { endpoints: [{ address: 'OTHER' }] } },
    },
    observe: async ({ ask, origin }) => {
      origin.reply = () => ({ status: 503 });
      return (await ask()).status;
    },
    was: 503,
    is: 200,
  },
  pair(['Service.outlier_detection'], 'o1', {}, outliers(), {
    observe: async (world) => (await failuresTaken(world)) < 8,
    was: false,
    is: true,
  }),
  pair(
    ['OutlierDetection.consecutive_failures'],
    'o2',
    outliers({ baseEjection: '8s' }),
    outliers({ consecutiveFailures: 3, baseEjection: '8s' }),
    {
      observe: failuresTaken,
      was: 1,
      is: 3,
    },
  ),
  pair(['OutlierDetection.base_ejection'], 'o3', outliers(), outliers({ baseEjection: '1h' }), {
    observe: async (world) => {
      await failuresTaken(world);
      world.origin.reply = () => ({});
      const before = world.origin.requests.length;
      const back = waitFor('it is back', async () => {
        await world.ask();
        return world.origin.requests.length > before;
      });
      return await settlesWithin(
        back.catch(() => undefined),
        6_000,
      );
    },
    was: true,
    is: false,
  }),
  pair(['OutlierDetection.max_ejected_percent'], 'o4', outliers(), outliers({ maxEjectedPercent: 49 }), {
    observe: async (world) => (await failuresTaken(world)) < 8,
    was: true,
    is: false,
  }),
  pair(
    ['LoadBalancing.slow_start'],
    'o5',
    {},
    { loadBalancing: { slowStart: '1h' } },
    {
      observe: async (world) => {
        await comesAgain(world, 'o5');
        return (await shares(world, 40)).other > 12;
      },
      was: true,
      is: false,
    },
  ),
  {
    proves: ['LoadBalancing.consistent_hash'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { random: {} } } },
    to: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['clientIp'] } } } },
    observe: async (world) => originsOf(await answeredBy(world, 30)),
    was: 2,
    is: 1,
  },
  {
    proves: ['ConsistentHash.by'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['clientIp'] } } } },
    to: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'] } } } },
    observe: async (world) => originsOf(await answeredBy(world, 30)),
    was: 1,
    is: 2,
  },
  {
    proves: ['ConsistentHash.algorithm'],
    key: 'Service/s',
    from: { spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'] } } } },
    to: {
      spec: { endpoints: BOTH, loadBalancing: { consistentHash: { by: ['header:x-user'], algorithm: 'maglev' } } },
    },
    observe: async (world) => {
      const origins = await answeredBy(world, 40);
      const endpoints = [world.origin, world.other].map(({ address }) => ({ address, weight: 1 }));
      return (['ring', 'maglev'] as const).filter((algorithm) => {
        const table = hashTable(endpoints, algorithm);
        return origins.every((origin, n) => {
          const chosen = pickByHash(table, hashText(`user-${n}`, 0), () => true);
          return origin === (chosen === 0 ? 'main' : 'other');
        });
      });
    },
    was: ['ring'],
    is: ['maglev'],
  },
  pair(
    ['LoadBalancing.zone_aware'],
    'o6',
    { endpoints: ZONES },
    { endpoints: ZONES, loadBalancing: { zoneAware: true } },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  pair(
    ['Endpoint.zone'],
    'o7',
    {
      endpoints: [
        { address: 'ORIGIN', zone: 'here' },
        { address: 'OTHER', zone: 'here' },
      ],
      loadBalancing: { zoneAware: true },
    },
    { endpoints: ZONES, loadBalancing: { zoneAware: true } },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  service(
    ['Service.enabled'],
    {},
    { enabled: false },
    { observe: async ({ ask }) => (await ask()).status, was: 200, is: 503 },
  ),
  service(
    ['Service.endpoints', 'Endpoint.address'],
    {},
    { endpoints: [{ address: 'OTHER' }] },
    {
      observe: async ({ ask }) => (await ask()).header('x-origin'),
      was: 'main',
      is: 'other',
    },
  ),
  service(
    ['Endpoint.weight'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER', weight: 0 }] },
    { observe: async (world) => (await shares(world, 20)).other > 0, was: true, is: false },
  ),
  service(
    ['Endpoint.node_groups'],
    {},
    { endpoints: [{ address: 'ORIGIN', nodeGroups: ['elsewhere'] }] },
    {
      observe: async ({ ask }) => (await ask()).status,
      was: 200,
      is: 503,
    },
  ),
  service(
    ['Service.load_balancing', 'LoadBalancing.round_robin', 'LoadBalancing.least_request'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { leastRequest: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    {
      observe: async (world) => {
        // Requests that stay at one origin; then least request prefers the other, and round robin does not care.
        const { promise, resolve } = Promise.withResolvers<void>();
        world.origin.reply = async ({ target }) => {
          if (target === '/stay') await promise;
          return {};
        };
        const before = world.origin.requests.length;
        let answered = 0;
        const staying = Array.from({ length: 60 }, async () => {
          await world.ask({ target: '/stay' }).catch(() => undefined);
          answered++;
        });
        await waitFor('each is answered or held', () => answered + world.origin.requests.length - before === 60);
        const { main } = await shares(world, 30);
        resolve();
        await Promise.all(staying);
        return main >= 10;
      },
      was: true,
      is: false,
    },
  ),
  service(
    ['LoadBalancing.random'],
    { loadBalancing: { roundRobin: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    { loadBalancing: { random: {} }, endpoints: [{ address: 'ORIGIN' }, { address: 'OTHER' }] },
    {
      observe: async ({ port }) => {
        // On one connection, so that one worker chooses.
        const client = await connectRaw(port);
        const origins: (string | undefined)[] = [];
        for (let index = 0; index < 40; index++) origins.push((await client.request({}, 15_000)).header('x-origin'));
        client.end();
        return origins.every((origin, index) => origin !== origins[index + 1]) ? 'in turn' : 'not in turn';
      },
      was: 'in turn',
      is: 'not in turn',
    },
  ),
  service(
    ['Service.circuit_breaker', 'CircuitBreaker.consecutive_failures'],
    breaker({}),
    breaker({ consecutiveFailures: 4 }),
    {
      observe: openBreaker,
      was: 2,
      is: 4,
    },
  ),
  service(
    ['CircuitBreaker.error_rate', 'ErrorRate.minimum_requests'],
    errorRate({ percent: 100, minimumRequests: 4 }),
    errorRate({ percent: 100, minimumRequests: 8 }),
    { observe: openBreaker, was: 4, is: 8 },
  ),
  service(
    ['ErrorRate.percent'],
    errorRate({ percent: 60, minimumRequests: 4 }),
    errorRate({ percent: 40, minimumRequests: 4 }),
    {
      observe: async ({ ask, origin }) => {
        const before = origin.requests.length;
        origin.reply = () => ({ status: (origin.requests.length - before) % 2 === 0 ? 500 : 200 });
        for (let index = 0; index < 12; index++) await ask();
        return origin.requests.length - before;
      },
      was: 12,
      is: 4,
    },
  ),
  service(
    ['ErrorRate.window'],
    errorRate({ percent: 100, minimumRequests: 2, window: '10m' }),
    errorRate({ percent: 100, minimumRequests: 2, window: '1s' }),
    {
      observe: async ({ ask, origin }) => {
        origin.reply = () => ({ status: 500 });
        await ask();
        const since = performance.now();
        await waitFor('the shorter window is over', () => performance.now() - since > 2_500);
        await ask();
        return (await ask()).status;
      },
      was: 503,
      is: 500,
    },
  ),
  service(['CircuitBreaker.open_for'], breaker({ openFor: '1h' }), breaker({ openFor: '100ms' }), {
    observe: async (world) => {
      await openBreaker(world);
      world.origin.reply = () => ({});
      return await settlesWithin(
        waitFor('the breaker closes', async () => (await world.ask()).status === 200, { deadlineMs: 20_000 }).catch(
          () => undefined,
        ),
        8_000,
      );
    },
    was: false,
    is: true,
  }),
  service(
    ['CircuitBreaker.half_open_requests'],
    breaker({ openFor: '50ms' }),
    breaker({ openFor: '50ms', halfOpenRequests: 3 }),
    {
      observe: async (world) => {
        await openBreaker(world);
        const { promise, resolve } = Promise.withResolvers<void>();
        world.origin.reply = async () => {
          await promise;
          return {};
        };
        const before = world.origin.requests.length;
        const probes = (): number => world.origin.requests.length - before;
        const answers: Promise<unknown>[] = [];
        let answered = 0;
        const ask = (): void => {
          const answer = world.ask().catch(() => undefined);
          answers.push(answer.then(() => answered++));
        };
        await waitFor('a probe is let through', () => {
          ask();
          return probes() > 0;
        });
        for (let index = 0; index < 10; index++) ask();
        await waitFor('what is not refused is at the origin', () => answered + probes() === answers.length);
        const admitted = probes();
        resolve();
        await Promise.all(answers);
        return admitted;
      },
      was: 1,
      is: 3,
    },
  ),
  service(
    ['Connections.idle_timeout', 'Service.connections'],
    {},
    { connections: { idleTimeout: '100ms' } },
    {
      observe: async ({ ask, origin }) => {
        await ask();
        return await settlesWithin(
          waitFor('idle connections end', () => origin.open() === 0, { deadlineMs: 20_000 }).catch(() => undefined),
          8_000,
        );
      },
      was: false,
      is: true,
    },
  ),
  service(
    ['Connections.per_endpoint'],
    { connections: { perEndpoint: 3, pending: 0 } },
    { connections: { perEndpoint: 1, pending: 0 } },
    { observe: mostAtOnce, was: 3, is: 1 },
  ),
  service(
    ['Connections.pending'],
    { connections: { perEndpoint: 1, pending: 1 } },
    { connections: { perEndpoint: 1, pending: 0 } },
    { observe: answersBehindAnother, was: false, is: true },
  ),
  service(
    ['Service.max_concurrent_requests'],
    { maxConcurrentRequests: 3 },
    { maxConcurrentRequests: 2 },
    { observe: mostAtOnce, was: 3, is: 2 },
  ),
  service(
    ['Service.timeout'],
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
  service(
    ['Service.stream_idle_timeout'],
    { streamIdleTimeout: '5s' },
    { streamIdleTimeout: '60ms' },
    { observe: slow, was: 'whole', is: 'cut' },
  ),
  service(
    ['Service.max_duration'],
    { maxDuration: '5s' },
    { maxDuration: '200ms' },
    { observe: slow, was: 'whole', is: 'cut' },
  ),
  service(['Service.retry'], {}, { retry: quick }, { observe: tries(), was: 1, is: 2 }),
  service(
    ['Retry.attempts'],
    { retry: { ...quick, attempts: 1 } },
    { retry: { ...quick, attempts: 3 } },
    { observe: tries(), was: 2, is: 4 },
  ),
  service(
    ['Retry.on'],
    { retry: { ...quick, on: [503] } },
    { retry: { ...quick, on: [502] } },
    { observe: tries(), was: 2, is: 1 },
  ),
  service(
    ['Retry.methods'],
    { retry: { ...quick, methods: ['GET'] } },
    { retry: { ...quick, methods: ['POST'] } },
    {
      observe: tries({ method: 'POST', body: 'x' }),
      was: 1,
      is: 2,
    },
  ),
  service(
    ['Retry.buffer_bytes'],
    { retry: { ...quick, bufferBytes: '4KiB' } },
    { retry: { ...quick, bufferBytes: '1KiB' } },
    {
      observe: tries({ method: 'PUT', body: 'x'.repeat(2_000) }),
      was: 2,
      is: 1,
    },
  ),
  service(
    ['Retry.per_try_timeout'],
    { retry: { ...quick, on: ['timeout'], perTryTimeout: '4s' } },
    { retry: { ...quick, on: ['timeout'], perTryTimeout: '150ms' } },
    {
      observe: async ({ ask, origin }) => {
        const before = origin.requests.length;
        origin.reply = () => (origin.requests.length - before === 1 ? { delayMs: 400 } : {});
        await ask();
        return origin.requests.length - before;
      },
      was: 1,
      is: 2,
    },
  ),
  service(
    ['Retry.backoff', 'Backoff.base'],
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '1ms', max: '600ms' } } },
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '600ms', max: '600ms' } } },
    // Six waits, each at random up to its most: 63 ms together at the most, or 1.8 s on average.
    { observe: async (world) => (await elapsedMs(() => tries()(world))) > 300, was: false, is: true },
  ),
  service(
    ['Backoff.max'],
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '500ms', max: '1ms' } } },
    { retry: { attempts: 6, budgetPercent: 100, backoff: { base: '500ms', max: '600ms' } } },
    { observe: async (world) => (await elapsedMs(() => tries()(world))) > 300, was: false, is: true },
  ),
  service(
    ['Retry.budget_percent'],
    { retry: { ...quick, attempts: 1, budgetPercent: 100 } },
    { retry: { ...quick, attempts: 1, budgetPercent: 0 } },
    {
      observe: async (world) => {
        world.origin.reply = () => ({ status: 503 });
        const before = world.origin.requests.length;
        await statuses(world, 100);
        return world.origin.requests.length - before > 170;
      },
      was: true,
      is: false,
    },
  ),
  service(
    ['Connections.connect_timeout'],
    { endpoints: [{ address: 'DEAF' }], connections: { connectTimeout: '8s' } },
    { endpoints: [{ address: 'DEAF' }], connections: { connectTimeout: '200ms' } },
    {
      observe: async ({ ask }) => (await elapsedMs(() => ask())) > 4_000,
      was: true,
      is: false,
    },
  ),
];
