import { type FieldCase, slowAnswer, statuses } from './field-case.ts';
import { route, status } from './route-case.ts';

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
    proves: ['Route.rate_limits'],
    key: 'Route/r',
    from: route({}),
    to: route({ rateLimits: [{ name: 'rl', by: ['header:x-run'], tokenBucket: { requests: 1, per: '1h' } }] }),
    observe: (world) => statuses(world, 2, { headers: { 'x-run': world.run } }),
    was: [200, 200],
    is: [200, 429],
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
    proves: ['Route.cache'],
    key: 'Route/r',
    from: route({}),
    to: route({ cache: { ttl: '1h' } }),
    observe: async ({ ask }) => {
      await ask();
      return (await ask()).header('age');
    },
    was: undefined,
    is: '0',
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
