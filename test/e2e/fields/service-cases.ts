import { type FieldCase, slowAnswer } from './field-case.ts';
import { service } from './service-case.ts';

export const serviceCases: readonly FieldCase[] = [
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
  {
    proves: ['Fallback.stale_cache', 'StaleCache.max_age'],
    key: 'Service/s',
    from: { spec: { endpoints: [{ address: 'ORIGIN' }], fallback: [{ staleCache: { maxAge: '10s' } }] } },
    to: { spec: { endpoints: [{ address: 'ORIGIN' }], fallback: [{ staleCache: {} }] } },
    others: { 'Route/r': { spec: { match: [{ path: { prefix: '/' } }], service: 's', cache: {} } } },
    observe: async ({ ask, origin, run }) => {
      origin.reply = () => ({ status: 200, headers: { 'cache-control': 'max-age=1', age: '60', etag: '"1"' } });
      await ask({ target: `/${run}` });
      origin.reply = () => ({ status: 503 });
      return (await ask({ target: `/${run}` })).status;
    },
    was: 503,
    is: 200,
  },
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
    { observe: slowAnswer, was: 'whole', is: 'cut' },
  ),
  service(
    ['Service.max_duration'],
    { maxDuration: '5s' },
    { maxDuration: '200ms' },
    { observe: slowAnswer, was: 'whole', is: 'cut' },
  ),
];
