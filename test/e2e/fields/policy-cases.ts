import type { FieldCase, Spec, World } from './field-case.ts';
import { policy } from './policy-case.ts';
import { isShared } from './shared-cache-case.ts';

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

/** The cache of a route of its own for each observation, so that it begins empty. */
const cached = (spec: Spec): Spec => ({ cache: { ttl: '1h', ...spec } });

/** Which of the origin's answers, numbered from 1, a client gets; each request may differ. */
const numbers =
  (headers: Readonly<Record<string, string>>, ...requests: readonly Parameters<World['ask']>[0][]) =>
  async ({ ask, origin, run }: World): Promise<string[]> => {
    let asked = 0;
    origin.reply = () => ({ status: 200, headers: { 'x-number': String(++asked), ...headers } });
    const answers: string[] = [];
    for (const request of requests) {
      answers.push((await ask({ target: `/${run}`, ...request })).header('x-number') ?? '');
    }
    return answers;
  };
const twice = [{}, {}] as const;
const past = { 'cache-control': 'max-age=10', age: '11' };

/** What a second request gets where the first was kept and is past its time, and the origin answers `status`. */
const afterTime =
  (status: number) =>
  async ({ ask, origin, run }: World): Promise<string | undefined> => {
    origin.reply = () => ({ status: 200, headers: { ...past, etag: '"1"', 'x-number': '1' } });
    await ask({ target: `/${run}` });
    origin.reply = () => ({ status, headers: { 'x-number': '2' } });
    return (await ask({ target: `/${run}` })).header('x-number');
  };

const cacheCases: readonly FieldCase[] = [
  policy(['Policy.cache'], {}, cached({}), { observe: numbers({}, ...twice), was: ['1', '2'], is: ['1', '1'] }),
  policy(
    ['Cache.ttl'],
    { cache: { ttl: '0s' } },
    { cache: { ttl: '1h' } },
    {
      observe: numbers({}, ...twice),
      was: ['1', '2'],
      is: ['1', '1'],
    },
  ),
  policy(['Cache.methods'], cached({ methods: ['GET'] }), cached({ methods: ['HEAD'] }), {
    observe: numbers({}, ...twice),
    was: ['1', '1'],
    is: ['1', '2'],
  }),
  policy(['Cache.vary'], cached({}), cached({ vary: ['x-a'] }), {
    observe: numbers({}, {}, { headers: { 'x-a': '1' } }),
    was: ['1', '1'],
    is: ['1', '2'],
  }),
  policy(['Cache.respect_origin'], cached({}), cached({ respectOrigin: false }), {
    observe: numbers({ 'cache-control': 'max-age=0' }, ...twice),
    was: ['1', '2'],
    is: ['1', '1'],
  }),
  policy(['Cache.max_body_bytes'], cached({ maxBodyBytes: '2B' }), cached({ maxBodyBytes: '1B' }), {
    observe: async (world) => {
      let asked = 0;
      world.origin.reply = () => ({ status: 200, headers: { 'x-number': String(++asked) }, body: 'ab' });
      await world.ask({ target: `/${world.run}` });
      return (await world.ask({ target: `/${world.run}` })).header('x-number');
    },
    was: '1',
    is: '2',
  }),
  policy(['Cache.tags'], cached({ tags: ['other'] }), cached({ tags: ['purged'] }), {
    observe: async (world) => {
      const [before] = await numbers({}, {})(world);
      await world.admin.fleet.purgeCache({ answers: { case: 'tag', value: 'purged' } });
      return [before, (await world.ask({ target: `/${world.run}` })).header('x-number')];
    },
    was: ['1', '1'],
    is: ['1', '2'],
  }),
  policy(['Cache.stale_while_revalidate'], cached({}), cached({ staleWhileRevalidate: '1m' }), {
    observe: afterTime(200),
    was: '2',
    is: '1',
  }),
  policy(['Cache.stale_if_error'], cached({}), cached({ staleIfError: '1m' }), {
    observe: afterTime(503),
    was: '2',
    is: '1',
  }),
  policy(['Cache.shared'], cached({}), cached({ shared: 'redis' }), {
    observe: isShared,
    was: false,
    is: true,
  }),
];

export const policyCases: readonly FieldCase[] = [
  policy(
    ['Policy.auth'],
    {},
    { auth: { anyOf: [{ apiKey: {} }] } },
    { observe: async ({ ask }) => (await ask()).status, was: 200, is: 401 },
  ),
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
  ...corsCases,
  ...validationCases,
  ...cacheCases,
];
