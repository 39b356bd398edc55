/** Routes and requests that hit, miss and contend, for tests of whatever decides between routes. */
import fc from 'fast-check';
import { type CompiledRoute, compileRoute } from '../compile-route.ts';
import type { MatchableRoute, PathPattern, RouteMatch, RouteRequest, ValueCondition } from '../route-match.ts';

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
export const routeNames = fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5', 'r6');
const hostPattern = fc.constantFrom('x', 'a.x', 'b.a.x', '*.x', '*.a.x', '*.b.a.x');
export const routes: fc.Arbitrary<MatchableRoute> = fc
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
/** Few routes, so that they meet. */
export const tables = fc.uniqueArray(fc.oneof(routes, rivals), { selector: ({ name }) => name, maxLength: 6 });
const values = fc.dictionary(fc.constantFrom('x', 'y', '__proto__'), fc.constantFrom('', '1', '12', '2'), {
  noNullPrototype: false,
});
/** A request, before its headers and parameters are written down. */
export interface Sample extends Omit<RouteRequest, 'header' | 'query'> {
  readonly headers: Readonly<Record<string, string>>;
  readonly parameters: Readonly<Record<string, string>>;
}
export const requests: fc.Arbitrary<Sample> = fc.record({
  host: fc.constantFrom(undefined, 'x', 'A.x:80', 'b.a.x', 'c.b.a.x', 'q.x.', 'other', ''),
  path: fc.oneof({ weight: 9, arbitrary: path }, fc.constant('*')),
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE'),
  headers: values,
  parameters: values,
});

export function compiled(route: MatchableRoute): CompiledRoute {
  const result = compileRoute(route);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result;
}

/** A sample as the router sees it. */
export function requestOf({ headers, parameters, ...head }: Sample): RouteRequest {
  const query = Object.entries(parameters).map(([name, value]) => `&${name}=${value}`);
  return { ...head, query: `?${query.join('')}`, header: (name) => ownValue(headers, name) };
}

export function ownValue(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
