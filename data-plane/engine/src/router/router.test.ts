import { describe, expect, test } from 'vitest';
import { compileRoute } from './compile-route.ts';
import { readPathParams } from './path-params.ts';
import type { MatchableRoute, NamedCondition, PathPattern, RouteMatch, RouteRequest } from './route-match.ts';
import { type RouteOutcome, Router } from './router.ts';

type RouteSketch = Partial<Omit<MatchableRoute, 'matches'>> & { readonly match?: readonly Partial<RouteMatch>[] };

function makeRouter(sketches: Readonly<Record<string, RouteSketch>>): Router<string> {
  const router = new Router<string>();
  for (const [name, { priority = 0, hosts = [], match = [] }] of Object.entries(sketches)) {
    const matches = match.map((m) => ({ path: undefined, methods: [], headers: [], query: [], ...m }));
    const compiled = compileRoute({ name, priority, hosts, matches });
    if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems));
    router.add(compiled, name);
  }
  return router;
}

/** `GET host/path?query`, with headers by lower-case name. */
function request(line: string, headers: Readonly<Record<string, string>> = {}): RouteRequest {
  const [, method, host, path, query] = /^(\S+) ([^/*]*)([^?]*)(.*)$/.exec(line)!;
  return {
    method: method!,
    host: host === '' ? undefined : host,
    path: path!,
    query: query!,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  };
}

function answer(outcome: RouteOutcome<string>): string {
  if (outcome.outcome === 'found') return outcome.value;
  return outcome.outcome === 'notFound' ? '404' : `405 ${outcome.allow.join(', ')}`;
}

const exact = (value: string): PathPattern => ({ kind: 'exact', value });
const prefix = (value: string): PathPattern => ({ kind: 'prefix', value });
const template = (value: string): PathPattern => ({ kind: 'template', value });
const regex = (value: string): PathPattern => ({ kind: 'regex', value });

const present = (name: string): NamedCondition => ({ name, condition: { kind: 'present', present: true } });

interface Case {
  readonly sentence: string;
  readonly routes: Readonly<Record<string, RouteSketch>>;
  readonly requests: readonly (readonly [line: string, answer: string, headers?: Readonly<Record<string, string>>])[];
}

const cases: readonly Case[] = [
  {
    sentence: 'priority decides before the host and the path',
    routes: {
      specific: { hosts: ['a.example.com'], match: [{ path: exact('/x') }] },
      first: { priority: 1 },
      last: { priority: -1, hosts: ['a.example.com'], match: [{ path: exact('/y') }] },
    },
    requests: [
      ['GET a.example.com/x', 'first'],
      ['GET a.example.com/y', 'first'],
    ],
  },
  {
    sentence: 'an exact host wins over a longer wildcard, that over a shorter, that over none',
    routes: {
      exact: { hosts: ['a.b.example.com'] },
      longer: { hosts: ['*.b.example.com'] },
      shorter: { hosts: ['*.example.com'], match: [{ path: prefix('/') }] },
      none: { match: [{ path: exact('/x') }] },
    },
    requests: [
      ['GET a.b.example.com/x', 'exact'],
      ['GET z.b.example.com/x', 'longer'],
      ['GET b.example.com/x', 'shorter'],
      ['GET example.com/x', 'none'],
      ['GET example.org/x', 'none'],
    ],
  },
  {
    sentence: '*.x stands for one or more labels, not for none',
    routes: { wild: { hosts: ['*.example.com'] } },
    requests: [
      ['GET a.example.com/', 'wild'],
      ['GET a.b.c.example.com/', 'wild'],
      ['GET example.com/', '404'],
      ['GET .example.com/', '404'],
      ['GET aexample.com/', '404'],
    ],
  },
  {
    sentence: 'case, port and a trailing dot of the host are ignored',
    routes: { api: { hosts: ['Api.Example.com.'] }, v6: { hosts: ['[2001:DB8::1]'] } },
    requests: [
      ['GET API.example.COM/', 'api'],
      ['GET api.example.com:8443/', 'api'],
      ['GET api.example.com./', 'api'],
      ['GET api.example.com.:80/', 'api'],
      ['GET [2001:db8::1]:80/', 'v6'],
      ['GET [2001:db8::1]/', 'v6'],
      ['GET [2001:db8::2]/', '404'],
    ],
  },
  {
    sentence: 'a request without a host matches routes without hosts',
    routes: { hosted: { hosts: ['a.example.com', '*.example.com'] }, open: { match: [{ path: prefix('/open') }] } },
    requests: [
      ['GET /open', 'open'],
      ['GET /closed', '404'],
    ],
  },
  {
    sentence: 'an exact path wins over a template, that over a prefix, that over a regex, that over every path',
    routes: {
      a5: { match: [{ path: exact('/users/me') }] },
      b4: { match: [{ path: template('/users/{id}') }] },
      c3: { match: [{ path: prefix('/users') }] },
      d2: { match: [{ path: regex('/[a-z]+/?.*') }] },
      e1: {},
    },
    requests: [
      ['GET h/users/me', 'a5'],
      ['GET h/users/7', 'b4'],
      ['GET h/users/7/orders', 'c3'],
      ['GET h/orders/7', 'd2'],
      ['GET h/7', 'e1'],
      ['OPTIONS h*', 'e1'],
    ],
  },
  {
    sentence: 'of templates the one with more literal segments wins, then the one literal further left',
    routes: {
      'a-left': { match: [{ path: template('/a/{y}/{z}') }] },
      'b-more': { match: [{ path: template('/{x}/b/c') }] },
      'm-right': { match: [{ path: template('/{x}/d/{z}') }] },
      'z-left': { match: [{ path: template('/e/{y}/{z}') }] },
    },
    requests: [
      ['GET h/a/b/c', 'b-more'],
      ['GET h/a/d/c', 'a-left'],
      ['GET h/e/d/c', 'z-left'],
      ['GET h/x/d/c', 'm-right'],
    ],
  },
  {
    sentence: 'a template takes whole segments, as many as it has, and parameters are not empty',
    routes: { orders: { match: [{ path: template('/users/{id}/orders') }] } },
    requests: [
      ['GET h/users/7/orders', 'orders'],
      ['GET h/users/7/8/orders', '404'],
      ['GET h/users//orders', '404'],
      ['GET h/users/7/orders/', '404'],
      ['GET h/users/7', '404'],
    ],
  },
  {
    sentence: 'of prefixes the one with more segments wins, and only whole segments count',
    routes: {
      root: { match: [{ path: prefix('/') }] },
      api: { match: [{ path: prefix('/api/') }] },
      v1: { match: [{ path: prefix('/api/v1') }] },
    },
    requests: [
      ['GET h/api/v1', 'v1'],
      ['GET h/api/v1/', 'v1'],
      ['GET h/api/v1/users', 'v1'],
      ['GET h/api/v10', 'api'],
      ['GET h/api', 'api'],
      ['GET h/apis', 'root'],
      ['GET h/', 'root'],
      ['OPTIONS h*', '404'],
    ],
  },
  {
    sentence: 'a regex must match the whole path',
    routes: { r: { match: [{ path: regex('/v[0-9]+') }] } },
    requests: [
      ['GET h/v1', 'r'],
      ['GET h/v1/x', '404'],
      ['GET h/x/v1', '404'],
    ],
  },
  {
    sentence: 'more header conditions win, then more query conditions, then methods given',
    routes: {
      'a-none': {},
      'b-method': { match: [{ methods: ['GET'] }] },
      'c-query': { match: [{ query: [present('q')] }] },
      'd-header': { match: [{ headers: [{ name: 'X-A', condition: { kind: 'exact', value: '1' } }] }] },
      'e-headers': {
        match: [
          {
            headers: [
              { name: 'X-A', condition: { kind: 'prefix', value: '1' } },
              { name: 'x-b', condition: { kind: 'regex', value: '[a-c]+' } },
            ],
          },
        ],
      },
    },
    requests: [
      ['GET h/?q', 'e-headers', { 'x-a': '1', 'x-b': 'abc' }],
      ['GET h/?q', 'd-header', { 'x-a': '1', 'x-b': 'abcd' }],
      ['GET h/?q', 'c-query', { 'x-a': '2' }],
      ['GET h/?p', 'b-method'],
      ['POST h/?p', 'a-none'],
    ],
  },
  {
    sentence: 'equal ranks are decided by the route name, ascending',
    routes: { beta: { match: [{ methods: ['GET', 'POST'] }] }, alpha: { match: [{ methods: ['GET', 'PUT'] }] } },
    requests: [
      ['GET h/', 'alpha'],
      ['POST h/', 'beta'],
    ],
  },
  {
    sentence: 'GET implies HEAD, and HEAD does not imply GET',
    routes: {
      get: { match: [{ path: exact('/g'), methods: ['GET'] }] },
      head: { match: [{ path: exact('/h'), methods: ['HEAD'] }] },
    },
    requests: [
      ['HEAD h/g', 'get'],
      ['HEAD h/h', 'head'],
      ['GET h/h', '405 HEAD'],
    ],
  },
  {
    sentence: 'where only the method differs the answer is 405 with all methods that would be taken',
    routes: {
      get: { match: [{ path: template('/u/{id}'), methods: ['GET'] }] },
      put: { hosts: ['*.example.com'], match: [{ path: prefix('/u'), methods: ['PUT'] }] },
      header: {
        match: [{ methods: ['PATCH'], headers: [present('x')] }],
      },
      regex: { match: [{ path: regex('/r+'), methods: ['PURGE'] }] },
    },
    requests: [
      ['DELETE a.example.com/u/1', '405 GET, HEAD, PUT'],
      ['DELETE example.com/u/1', '405 GET, HEAD'],
      ['DELETE example.com/u/1', '405 GET, HEAD, PATCH', { x: '' }],
      ['GET example.com/rr', '405 PURGE'],
      ['GET example.com/x', '404'],
    ],
  },
  {
    sentence: 'names that mean something to JavaScript are names',
    routes: {
      __proto__x: { hosts: ['__proto__'], match: [{ path: prefix('/constructor') }] },
      constructor: { match: [{ path: template('/__proto__/{toString}') }] },
      toString: { match: [{ headers: [present('__proto__')] }] },
    },
    requests: [
      ['GET __proto__/constructor/hasOwnProperty', '__proto__x'],
      ['GET h/__proto__/valueOf', 'constructor'],
      ['GET constructor/toString', '404'],
      ['GET hasOwnProperty/__proto__', '404'],
    ],
  },
];

describe('the greatest match wins', () => {
  for (const { sentence, routes, requests } of cases) {
    test(sentence, () => {
      const router = makeRouter(routes);
      const answers = requests.map(([line, , headers]) => [line, answer(router.match(request(line, headers)))]);
      expect(answers).toEqual(requests.map(([line, expected]) => [line, expected]));
    });
  }

  test('no header is read unless a candidate has a condition on it', () => {
    const router = makeRouter({ a: { match: [{ path: prefix('/a') }] } });
    const header = (): never => {
      throw new Error('read');
    };
    expect(answer(router.match({ ...request('GET h/a'), header }))).toBe('a');
  });

  test('a hit without parameters returns the same object each time', () => {
    const router = makeRouter({ a: { match: [{ path: prefix('/a') }] } });
    expect(router.match(request('GET h/a/1'))).toBe(router.match(request('GET h/a/2')));
  });

  test('path parameters are read from the path as it is normalized', () => {
    const router = makeRouter({ a: { match: [{ path: template('/users/{id}/{__proto__}') }] } });
    const found = router.match(request('GET h/users/4%202/x'));
    if (found.outcome !== 'found' || found.path?.kind !== 'template') throw new Error('no template');
    expect([...readPathParams(found.path, '/users/4%202/x')]).toEqual([
      ['id', '4%202'],
      ['__proto__', 'x'],
    ]);
  });
});
