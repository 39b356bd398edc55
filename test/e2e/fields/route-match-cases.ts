import type { FieldCase, Spec } from './field-case.ts';
import { at, route, status } from './route-case.ts';

const matchCase = (proves: readonly string[], from: Spec, to: Spec, observe: FieldCase['observe']): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route({ match: [from] }),
  to: route({ match: [to] }),
  observe,
  was: 200,
  is: 404,
});

export const routeMatchCases: readonly FieldCase[] = [
  {
    proves: ['Route.priority'],
    key: 'Route/low',
    from: { spec: { match: [{ path: { prefix: '/x' } }], service: 'o' } },
    to: { spec: { match: [{ path: { prefix: '/x' } }], service: 'o', priority: -1 } },
    others: { 'Service/o': { spec: { endpoints: [{ address: 'OTHER' }] } } },
    observe: async ({ ask }) => (await ask({ target: '/x' })).header('x-origin'),
    was: 'other',
    is: 'main',
  },
  {
    proves: ['Route.hosts'],
    key: 'Route/r',
    from: route({ hosts: ['a.example'] }),
    to: route({ hosts: ['b.example'] }),
    observe: at('/', { host: 'a.example' }),
    was: 200,
    is: 404,
  },
  matchCase(
    ['Route.match', 'RouteMatch.path', 'PathMatch.prefix'],
    { path: { prefix: '/a' } },
    { path: { prefix: '/b' } },
    at('/a/1'),
  ),
  matchCase(['PathMatch.exact'], { path: { exact: '/a' } }, { path: { exact: '/b' } }, at('/a')),
  matchCase(['PathMatch.template'], { path: { template: '/a/{id}' } }, { path: { template: '/b/{id}' } }, at('/a/1')),
  matchCase(['PathMatch.regex'], { path: { regex: '/a+' } }, { path: { regex: '/b+' } }, at('/aaa')),
  {
    ...matchCase(['RouteMatch.methods'], { methods: ['GET'] }, { methods: ['POST'] }, at('/')),
    is: 405,
  },
  matchCase(
    ['RouteMatch.headers', 'StringMatch.exact'],
    { headers: { 'x-a': { exact: '1' } } },
    { headers: { 'x-a': { exact: '2' } } },
    at('/', { 'x-a': '1' }),
  ),
  matchCase(
    ['StringMatch.prefix'],
    { headers: { 'x-a': { prefix: '1' } } },
    { headers: { 'x-a': { prefix: '2' } } },
    at('/', { 'x-a': '12' }),
  ),
  matchCase(
    ['StringMatch.regex'],
    { headers: { 'x-a': { regex: '1+' } } },
    { headers: { 'x-a': { regex: '2+' } } },
    at('/', { 'x-a': '11' }),
  ),
  matchCase(
    ['StringMatch.present'],
    { headers: { 'x-a': { present: true } } },
    { headers: { 'x-a': { present: false } } },
    at('/', { 'x-a': '1' }),
  ),
  matchCase(['RouteMatch.query'], { query: { a: { exact: '1' } } }, { query: { a: { exact: '2' } } }, at('/?a=1')),
  {
    proves: ['Route.listeners'],
    key: 'Route/r',
    from: route({}),
    to: route({ listeners: ['elsewhere'] }),
    others: {
      'Listener/http': { spec: { address: '127.0.0.1:1' } },
      'Listener/elsewhere': { spec: { address: '127.0.0.1:FREE1' } },
    },
    observe: status,
    was: 200,
    is: 404,
  },
];
