import type { FieldCase, Spec, World } from './field-case.ts';
import { atOrigin, route } from './route-case.ts';

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

export const routeEditCases: readonly FieldCase[] = [
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
  ...bodyCases,
];
