import { describe, expect, test } from 'vitest';
import { compileRoute } from './compile-route.ts';
import type { MatchableRoute, RouteMatch } from './route-match.ts';
import { Router } from './router.ts';

type Sketch = Partial<Omit<MatchableRoute, 'matches'>> & { readonly match?: readonly Partial<RouteMatch>[] };

function compile(name: string, { priority = 0, hosts = [], match = [] }: Sketch) {
  const matches = match.map((m) => ({ path: undefined, methods: [], headers: [], query: [], ...m }));
  const compiled = compileRoute({ name, priority, hosts, matches });
  if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled;
}

function shadowing(...routes: readonly Sketch[]): readonly string[] | undefined {
  const router = new Router<undefined>();
  const compiled = routes.map((sketch, i) => compile(`r${i}`, sketch));
  for (const route of compiled) router.add(route, undefined);
  return router.findShadowing(compiled[0]!);
}

const prefix = (value: string) => ({ path: { kind: 'prefix', value } as const });
const exact = (value: string) => ({ path: { kind: 'exact', value } as const });
const template = (value: string) => ({ path: { kind: 'template', value } as const });
const regex = (value: string) => ({ path: { kind: 'regex', value } as const });
const header = (value: string) => ({ headers: [{ name: 'x', condition: { kind: 'exact', value } as const }] });
const present = { headers: [{ name: 'X', condition: { kind: 'present', present: true } as const }] };

describe('a route can never win', () => {
  const rows: readonly (readonly [sentence: string, routes: readonly Sketch[]])[] = [
    ['below one of a higher priority that takes all', [{ hosts: ['a.x'], match: [exact('/a')] }, { priority: 1 }]],
    ['below a wider host of a higher priority', [{ hosts: ['a.x', '*.b.x'] }, { priority: 1, hosts: ['*.x'] }]],
    [
      'below a wider prefix of a higher priority',
      [{ match: [prefix('/a/b'), template('/a/{x}/c')] }, { priority: 1, match: [prefix('/a')] }],
    ],
    [
      'below a template of a higher priority',
      [{ match: [exact('/a/b'), template('/{x}/b')] }, { priority: 1, match: [template('/{y}/{z}')] }],
    ],
    [
      'below a regex of a higher priority',
      [{ match: [exact('/ab'), regex('/[ab]+')] }, { priority: 1, match: [regex('/[ab]+')] }],
    ],
    [
      'as a regex below a prefix all its paths are under',
      [{ match: [regex('/api/v[0-9]+')] }, { match: [prefix('/api')] }],
    ],
    ['below one that asks for less of the same', [{ match: [header('1')] }, { priority: 1, match: [present] }]],
    [
      'where several others take one of its matches each',
      [
        { match: [exact('/a'), exact('/b')] },
        { priority: 1, match: [exact('/a')] },
        { priority: 2, match: [exact('/b')] },
      ],
    ],
  ];
  for (const [sentence, routes] of rows) {
    test(sentence, () => {
      expect(shadowing(...routes)).toEqual(routes.slice(1).map((_, i) => `r${i + 1}`));
    });
  }

  test('at equal rank below a name before its own that takes its methods', () => {
    const router = new Router<undefined>();
    const later = compile('b', { match: [{ methods: ['HEAD'] }] });
    router.add(compile('a', { match: [{ methods: ['GET', 'POST'] }] }), undefined);
    router.add(later, undefined);
    expect(router.findShadowing(later)).toEqual(['a']);
  });
});

describe('a route can win', () => {
  const rows: readonly (readonly [sentence: string, routes: readonly Sketch[]])[] = [
    ['alone', [{}]],
    ['at equal priority with a wider one', [{ match: [exact('/a')] }, { match: [prefix('/')] }, {}]],
    ['where the higher one takes only some of its hosts', [{ hosts: ['a.x', 'b.y'] }, { priority: 1, hosts: ['*.x'] }]],
    ['where it also takes requests without a host', [{}, { priority: 1, hosts: ['*.x'] }]],
    ['where the higher one asks for a method', [{}, { priority: 1, match: [{ methods: ['GET'] }] }]],
    ['where the higher one asks for another value', [{ match: [header('2')] }, { priority: 1, match: [header('1')] }]],
    [
      'where one of its matches is free',
      [{ match: [exact('/a'), exact('/b')] }, { priority: 1, match: [exact('/a')] }],
    ],
    [
      'where a template of a higher priority needs a segment that is not empty',
      [{ match: [exact('/a/')] }, { priority: 1, match: [template('/a/{x}')] }],
    ],
    ['where only its own matches are greater', [{ match: [{}, { methods: ['GET'] }] }]],
  ];
  for (const [sentence, routes] of rows) {
    test(sentence, () => {
      expect(shadowing(...routes)).toBeUndefined();
    });
  }

  test('by this at equal priority with a name before its own that takes exactly the same: that is a conflict', () => {
    const router = new Router<undefined>();
    const [match, again] = [[{ methods: ['GET', 'PUT'] }], [{ methods: ['PUT', 'GET'] }]];
    const later = compile('b', { match });
    router.add(compile('a', { match: again }), undefined);
    router.add(later, undefined);
    expect(router.findShadowing(later)).toBeUndefined();
    router.add(compile('wider', { priority: 1 }), undefined);
    expect(router.findShadowing(later)).toEqual(['wider']);
  });
});
