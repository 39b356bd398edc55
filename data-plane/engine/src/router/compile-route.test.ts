import { describe, expect, test } from 'vitest';
import { type CompiledRoute, compileRoute } from './compile-route.ts';
import { identityKey } from './identity-key.ts';
import { ANY_HOST, parseHost } from './parse-host.ts';
import type { RouteMatch } from './route-match.ts';

const empty: RouteMatch = { path: undefined, methods: [], headers: [], query: [] };

function compile(match: Partial<RouteMatch>): CompiledRoute {
  const compiled = compileRoute({ name: 'r', priority: 0, hosts: [], matches: [{ ...empty, ...match }] });
  if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled;
}

test('everything wrong with a route is said at once, each with its field', () => {
  const compiled = compileRoute({
    name: 'r',
    priority: 0,
    hosts: ['a.x', 'A.X.', '*'],
    matches: [
      { ...empty, path: { kind: 'prefix', value: '/a/../b' }, methods: ['GET', 'G T'] },
      {
        ...empty,
        path: { kind: 'regex', value: '(a)\\1' },
        headers: [
          { name: 'X-A', condition: { kind: 'regex', value: '[' } },
          { name: 'x-a', condition: { kind: 'prefix', value: '' } },
          { name: 'x a', condition: { kind: 'present', present: true } },
        ],
        query: [{ name: 'q q', condition: { kind: 'regex', value: '(?=a)' } }],
      },
    ],
  });
  expect(compiled).toEqual({
    problems: [
      { field: 'hosts[1]', message: '"A.X." is listed twice' },
      { field: 'hosts[2]', message: '"*" is not a host; leave hosts out to match every host' },
      {
        field: 'match[0].path.prefix',
        message: 'can never match, because paths are normalized first; write it as "/b"',
      },
      { field: 'match[0].methods[1]', message: '"G T" is not a method' },
      {
        field: 'match[1].path.regex',
        message: 'has a backreference, which cannot be evaluated in linear time (near character 5)',
      },
      { field: 'match[1].headers.X-A.regex', message: 'has "[" without "]" (near character 1)' },
      { field: 'match[1].headers.x-a', message: '"x-a" is listed twice' },
      { field: 'match[1].headers.x-a.prefix', message: 'must not be empty; use present: true' },
      { field: 'match[1].headers.x a', message: '"x a" is not a header name' },
      {
        field: 'match[1].query.q q.regex',
        message: 'has look-around, which cannot be evaluated in linear time (near character 3)',
      },
    ],
  });
});

test('a match repeated in one route is refused', () => {
  const matches = [
    { ...empty, path: { kind: 'template', value: '/u/{id}' } as const },
    { ...empty, path: { kind: 'template', value: '/u/{name}' } as const },
  ];
  expect(compileRoute({ name: 'r', priority: 0, hosts: [], matches })).toEqual({
    problems: [{ field: 'match[1]', message: 'is the same as match[0]' }],
  });
});

describe('the identity of a match', () => {
  const key = (match: Partial<RouteMatch>, host = ANY_HOST): string => identityKey(compile(match).matches[0]!, host);
  const x = { name: 'X-A', condition: { kind: 'exact', value: '1' } } as const;
  const y = { name: 'y', condition: { kind: 'present', present: true } } as const;

  test('does not depend on order, case, parameter names, a trailing slash of prefixes, or HEAD beside GET', () => {
    const same: readonly (readonly [Partial<RouteMatch>, Partial<RouteMatch>])[] = [
      [{ methods: ['GET', 'POST'] }, { methods: ['POST', 'HEAD', 'GET'] }],
      [{ headers: [x, y] }, { headers: [y, { ...x, name: 'x-a' }] }],
      [{ path: { kind: 'template', value: '/a/{b}' } }, { path: { kind: 'template', value: '/a/{c}' } }],
      [{ path: { kind: 'prefix', value: '/a' } }, { path: { kind: 'prefix', value: '/a/' } }],
    ];
    expect(same.filter(([a, b]) => key(a) !== key(b))).toEqual([]);
  });

  test('depends on everything else', () => {
    const host = parseHost('a.x');
    const wildcard = parseHost('*.a.x');
    if (typeof host === 'string' || typeof wildcard === 'string') throw new Error('no hosts');
    const keys = [
      key({}),
      key({}, host),
      key({}, wildcard),
      key({ methods: ['GET'] }),
      key({ methods: ['HEAD'] }),
      key({ path: { kind: 'prefix', value: '/a' } }),
      key({ path: { kind: 'exact', value: '/a' } }),
      key({ path: { kind: 'template', value: '/{a}' } }),
      key({ path: { kind: 'template', value: '/{a}/{b}' } }),
      key({ path: { kind: 'prefix', value: '/' } }),
      key({ headers: [y] }),
      key({ query: [y] }),
      key({ query: [{ ...y, name: 'Y' }] }),
      key({ headers: [{ ...y, condition: { kind: 'present', present: false } }] }),
      key({ headers: [{ ...y, condition: { kind: 'exact', value: 'true' } }] }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
