import type { FieldCase } from './field-case.ts';
import { atOrigin, route, status } from './route-case.ts';

export const routeAuthCases: readonly FieldCase[] = [
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
    ...{ proves: ['ApiKeyAuth.cookie'], key: 'Route/r' },
    from: {
      spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: { cookie: 'a' } }] } },
    },
    to: { spec: { match: [{ path: { prefix: '/' } }], service: 's', auth: { anyOf: [{ apiKey: { cookie: 'b' } }] } } },
    ...{ observe: async ({ ask, key }) => (await ask({ headers: { cookie: `b=${key}` } })).status, was: 401, is: 200 },
  },
];
