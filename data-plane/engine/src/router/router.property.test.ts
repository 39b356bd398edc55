import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CompiledRoute, compileRoute } from './compile-route.ts';
import type { MatchableRoute, PathPattern, RouteMatch, RouteRequest, ValueCondition } from './route-match.ts';
import { Router } from './router.ts';

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

const segment = fc.constantFrom('a', 'b', 'ab', '');
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const templatePath = fc
  .array(fc.oneof(segment, fc.constant(null)), { minLength: 1, maxLength: 4 })
  .map((parts) => `/${parts.map((part, i) => part ?? `{p${i}}`).join('/')}`);
const pathPattern: fc.Arbitrary<PathPattern | undefined> = fc.oneof(
  fc.constant(undefined),
  path.map((value) => ({ kind: 'exact', value }) as const),
  path.map((value) => ({ kind: 'prefix', value }) as const),
  templatePath.map((value) => ({ kind: 'template', value }) as const),
  fc
    .constantFrom('/a.*', '/[ab]+', '(/a|/b)/b?', '/a/b.*', '.*', '/(a|b)*/[^/]*')
    .map((value) => ({ kind: 'regex', value }) as const),
);
const condition: fc.Arbitrary<ValueCondition> = fc.oneof(
  fc.boolean().map((present) => ({ kind: 'present', present }) as const),
  fc.constantFrom('1', '12', '').map((value) => ({ kind: 'exact', value }) as const),
  fc.constantFrom('1', '12').map((value) => ({ kind: 'prefix', value }) as const),
  fc.constantFrom('1+', '.*2').map((value) => ({ kind: 'regex', value }) as const),
);
const conditions = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', '__proto__'), condition }), {
  selector: ({ name }) => name,
  maxLength: 2,
});
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT');
const match: fc.Arbitrary<RouteMatch> = fc.record({
  path: pathPattern,
  methods: fc.oneof(fc.constant([]), fc.uniqueArray(method, { maxLength: 2 })),
  headers: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, conditions),
  query: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, conditions),
});
const routeNames = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6');
const hostPattern = fc.constantFrom('x', 'a.x', 'b.a.x', '*.x', '*.a.x', '*.b.a.x');
const routes: fc.Arbitrary<MatchableRoute> = fc
  .record({
    name: routeNames,
    priority: fc.constantFrom(0, 0, 0, 1, -1),
    hosts: fc.oneof(fc.constant([]), fc.uniqueArray(hostPattern, { maxLength: 3 })),
    matches: fc.array(match, { maxLength: 3 }),
  })
  .filter((route) => !('problems' in compileRoute(route)));
/** Routes that differ little, so that the later places of the order decide. */
const present = fc
  .subarray(['x', 'y'])
  .map((names) => names.map((name) => ({ name, condition: { kind: 'present', present: true } as const })));
const rivals: fc.Arbitrary<MatchableRoute> = fc.record({
  name: routeNames,
  priority: fc.constant(0),
  hosts: fc.constant([]),
  matches: fc.tuple(
    fc.record({
      path: fc.constantFrom(
        undefined,
        { kind: 'prefix', value: '/' } as const,
        { kind: 'template', value: '/a/{b}' } as const,
      ),
      methods: fc.oneof(fc.constant([]), fc.constant(['GET'])),
      headers: present,
      query: present,
    }),
  ),
});
const tables = fc.uniqueArray(fc.oneof(routes, rivals), { selector: ({ name }) => name, maxLength: 6 });
const values = fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), fc.constantFrom('', '1', '12', '2'), {
  noNullPrototype: false,
});
interface Sample extends Omit<RouteRequest, 'header' | 'query'> {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}
const requests: fc.Arbitrary<Sample> = fc.record({
  host: fc.constantFrom(undefined, 'x', 'A.x:80', 'b.a.x', 'c.b.a.x', 'q.x.', 'other', ''),
  path: fc.oneof({ weight: 9, arbitrary: path }, fc.constant('*')),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE'),
  headers: values,
  parameters: values,
});

function compiled(route: MatchableRoute): CompiledRoute {
  const result = compileRoute(route);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

function buildTable(all: readonly MatchableRoute[]): Router<string> {
  const router = new Router<string>();
  for (const route of all) router.add(compiled(route), route.name);
  return router;
}

function answer(router: Router<string>, { headers, parameters, ...head }: Sample): Answer {
  const query = Object.entries(parameters).map(([name, value]) => `&${name}=${value}`);
  const header = (name: string): string | undefined => ownValue(headers, name);
  const outcome = router.match({ ...head, query: `?${query.join('')}`, header });
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

function ownValue(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
