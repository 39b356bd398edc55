import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MatchableRoute, PathPattern, RouteMatch, ValueCondition } from './route-match.ts';
import { Router } from './router.ts';
import {
  compiled,
  ownValue,
  requestOf,
  requests,
  routeNames,
  routes,
  type Sample,
  tables,
} from './testing/matching-arbitraries.ts';

describe('the router', () => {
  test('answers as looking at every match of every route does', () => {
    fc.assert(
      fc.property(tables, fc.array(requests, { minLength: 1, maxLength: 12 }), (routes, samples) => {
        const table = buildTable(routes);
        for (const sample of samples) expect(answer(table, sample)).toEqual(lookAtAll(routes, sample));
      }),
      { numRuns: 3000 },
    );
  });

  test('changed step by step answers as one built at once', () => {
    const steps = fc.array(fc.oneof(routes, routeNames), { minLength: 1, maxLength: 25 });
    fc.assert(
      fc.property(steps, fc.array(requests, { minLength: 1, maxLength: 12 }), (changes, samples) => {
        const router = new Router<string>();
        const current = new Map<string, MatchableRoute>();
        for (const change of changes) {
          if (typeof change === 'string') {
            expect(router.remove(change)).toBe(current.delete(change));
          } else {
            current.set(change.name, change);
            router.add(compiled(change), change.name);
          }
        }
        const table = buildTable([...current.values()]);
        expect(router.size).toBe(current.size);
        for (const sample of samples) expect(answer(router, sample)).toEqual(answer(table, sample));
        for (const name of current.keys()) router.remove(name);
        for (const sample of samples) expect(answer(router, sample)).toEqual({ notFound: true });
        expect([router.size, router.countRegexes({ kind: 'any', name: '', labels: 0 })]).toEqual([0, 0]);
      }),
      { numRuns: 1000 },
    );
  });

  test('never gives a request to a route it calls shadowed', () => {
    fc.assert(
      fc.property(tables, fc.array(requests, { minLength: 20, maxLength: 60 }), (routes, samples) => {
        const table = buildTable(routes);
        const shadowed = new Set(
          routes.map(compiled).flatMap((route) => (table.findShadowing(route) === undefined ? [] : [route.name])),
        );
        for (const sample of samples) expect([...shadowed]).not.toContain(answer(table, sample).route);
      }),
      { numRuns: 1000 },
    );
  });
});

type Answer = {
  readonly route?: string;
  readonly kind?: string;
  readonly allow?: readonly string[];
  readonly notFound?: true;
};

function buildTable(all: readonly MatchableRoute[]): Router<string> {
  const router = new Router<string>();
  for (const route of all) router.add(compiled(route), route.name);
  return router;
}

function answer(router: Router<string>, sample: Sample): Answer {
  const outcome = router.match(requestOf(sample));
  if (outcome.outcome === 'found') return { route: outcome.value, kind: outcome.path?.kind ?? 'all' };
  return outcome.outcome === 'notFound' ? { notFound: true } : { allow: outcome.allow };
}

/** The rules as they are written, with nothing precomputed. */
function lookAtAll(all: readonly MatchableRoute[], sample: Sample): Answer {
  const pairs = all.flatMap((route) =>
    (route.hosts.length === 0 ? [''] : route.hosts).flatMap((host) =>
      (route.matches.length === 0 ? [undefined] : route.matches).map((match) => ({ route, host, match })),
    ),
  );
  const holding = pairs.filter(
    ({ host, match }) =>
      hostHolds(host, sample.host) &&
      pathHolds(match?.path, sample.path) &&
      (match?.headers ?? []).every((c) => valueHolds(c.condition, ownValue(sample.headers, c.name))) &&
      (match?.query ?? []).every((c) => valueHolds(c.condition, ownValue(sample.parameters, c.name))),
  );
  const taking = holding.filter(({ match }) => methodHolds(match?.methods ?? [], sample.method));
  const [first] = taking.sort(
    (a, b) => compareKeys(greatness(a), greatness(b)) || (a.route.name < b.route.name ? -1 : 1),
  );
  if (first !== undefined) return { route: first.route.name, kind: first.match?.path?.kind ?? 'all' };
  if (holding.length === 0) return { notFound: true };
  const allow = holding.flatMap(({ match }) =>
    match?.methods.includes('GET') ? [...match.methods, 'HEAD'] : match!.methods,
  );
  return { allow: [...new Set(allow)].sort() };
}

/** Numbers in the order they count, each the greater the better. */
function greatness({
  route,
  host,
  match,
}: {
  route: MatchableRoute;
  host: string;
  match: RouteMatch | undefined;
}): number[] {
  const path = match?.path;
  const parts =
    path?.value
      .replace(/(?<=.)\/$/, path.kind === 'prefix' ? '' : '/')
      .slice(1)
      .split('/') ?? [];
  const literals = parts.map((part) => (part.startsWith('{') ? 0 : 1));
  return [
    route.priority,
    host === '' ? 0 : host.startsWith('*') ? host.split('.').length : 100,
    path === undefined ? 0 : { regex: 1, prefix: 2, template: 3, exact: 4 }[path.kind],
    ...(path?.kind === 'template'
      ? [literals.filter((literal) => literal === 1).length, ...literals]
      : [0, 0, 0, 0, 0]),
    ...(path?.kind === 'template' ? literals.slice(4) : []),
    path?.kind === 'prefix' && path.value !== '/' ? parts.length : 0,
    match?.headers.length ?? 0,
    match?.query.length ?? 0,
    match !== undefined && match.methods.length > 0 ? 1 : 0,
  ];
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at === -1 ? 0 : b[at]! - a[at]!;
}

function hostHolds(pattern: string, written: string | undefined): boolean {
  const host = (written ?? '').toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  return (
    pattern === '' ||
    (pattern.startsWith('*') ? host.endsWith(pattern.slice(1)) && host.length >= pattern.length : host === pattern)
  );
}

function pathHolds(pattern: PathPattern | undefined, path: string): boolean {
  if (pattern === undefined) return true;
  const { kind, value } = pattern;
  if (kind === 'exact') return path === value;
  if (kind === 'regex') return new RegExp(`^(?:${value})$`).test(path);
  if (kind === 'template') return new RegExp(`^${value.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
  const base = value.endsWith('/') ? value.slice(0, -1) : value;
  return `${path}/`.startsWith(`${base}/`) && path.startsWith('/');
}

function methodHolds(methods: readonly string[], method: string): boolean {
  return methods.length === 0 || methods.includes(method) || (method === 'HEAD' && methods.includes('GET'));
}

function valueHolds(condition: ValueCondition, value: string | undefined): boolean {
  if (condition.kind === 'present') return (value !== undefined) === condition.present;
  if (value === undefined) return false;
  if (condition.kind === 'exact') return value === condition.value;
  return condition.kind === 'prefix'
    ? value.startsWith(condition.value)
    : new RegExp(`^(?:${condition.value})$`).test(value);
}
