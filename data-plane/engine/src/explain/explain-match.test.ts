import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareMatches } from '../router/rank.ts';
import { Router } from '../router/router.ts';
import { compiled, requestOf, requests, tables } from '../router/testing/matching-arbitraries.ts';
import { compareDistance, explainMatches } from './explain-match.ts';

describe('matches held against a request', () => {
  test('take it exactly where the router says so, and the one that wins is the router’s', () => {
    fc.assert(
      fc.property(tables, fc.array(requests, { minLength: 1, maxLength: 12 }), (routes, samples) => {
        const router = new Router<string>();
        for (const route of routes) router.add(compiled(route), route.name);
        for (const sample of samples) {
          const request = requestOf(sample);
          const outcome = router.match(request);
          const taking = routes
            .flatMap((route) => explainMatches(compiled(route), request))
            .filter(({ failed }) => failed === undefined)
            .sort((a, b) => compareMatches(a.rank, b.rank));
          expect(taking[0]?.rank.routeName).toBe(outcome.outcome === 'found' ? outcome.value : undefined);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const route = compiled({
    name: 'orders',
    priority: 0,
    hosts: ['*.shop.example'],
    matches: [
      {
        path: { kind: 'template', value: '/orders/{id}' },
        methods: ['GET'],
        headers: [{ name: 'X-Version', condition: { kind: 'exact', value: '2' } }],
        query: [{ name: 'debug', condition: { kind: 'present', present: false } }],
      },
    ],
  });
  const request = {
    host: 'eu.shop.example',
    path: '/orders/7',
    query: '',
    method: 'GET',
    header: (name: string) => (name === 'x-version' ? '2' : undefined),
  };

  test.each([
    ['nothing', {}, undefined],
    ['the host', { host: 'shop.example' }, { kind: 'host', name: '', wants: '*.shop.example', has: 'shop.example' }],
    ['the path', { path: '/orders' }, { kind: 'path', name: '', wants: 'template /orders/{id}', has: '/orders' }],
    ['the method', { method: 'PUT' }, { kind: 'method', name: '', wants: 'GET, HEAD', has: 'PUT' }],
    ['a header', { header: () => undefined }, { kind: 'header', name: 'x-version', wants: 'exact 2', has: undefined }],
    ['the query', { query: '?debug=1' }, { kind: 'query', name: 'debug', wants: 'none', has: '1' }],
  ])('fail first at %s', (_, change, failed) => {
    expect(explainMatches(route, { ...request, ...change }).map((verdict) => verdict.failed)).toEqual([failed]);
  });

  test('are the nearer the fewer conditions fail, and the longer their path goes along', () => {
    const named = (name: string, value: string) =>
      compiled({
        name,
        priority: 0,
        hosts: [],
        matches: [{ path: { kind: 'exact', value }, methods: [], headers: [], query: [] }],
      });
    const verdicts = [named('far', '/x'), named('near', '/orders/8'), route].flatMap((each) =>
      explainMatches(each, { ...request, host: 'shop.example' }),
    );
    expect(verdicts.sort(compareDistance).map(({ rank }) => rank.routeName)).toEqual(['orders', 'near', 'far']);
  });
});
