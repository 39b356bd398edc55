import { type FieldCase, isAnswered, type Spec } from './field-case.ts';
import { at, route, status } from './route-case.ts';

const answerCase =
  (field: 'redirect' | 'respond', header: string) =>
  (proves: readonly string[], from: Spec, to: Spec, was: unknown, is: unknown): FieldCase => ({
    proves,
    key: 'Route/r',
    from: { spec: { match: [{ path: { prefix: '/a' } }], [field]: from } },
    to: { spec: { match: [{ path: { prefix: '/a' } }], [field]: to } },
    observe: async ({ ask }) => {
      const answer = await ask({ target: '/a/b', headers: { host: 'api.example' } });
      return [answer.status, answer.header(header) ?? answer.body.toString()];
    },
    was,
    is,
  });

const redirectCase = answerCase('redirect', 'location');
const redirectCases: readonly FieldCase[] = [
  redirectCase(
    ['Route.redirect', 'Redirect.scheme'],
    { host: 'b.example' },
    { host: 'b.example', scheme: 'https' },
    [308, 'http://b.example/a/b'],
    [308, 'https://b.example/a/b'],
  ),
  redirectCase(
    ['Redirect.host'],
    { host: 'b.example' },
    { host: 'c.example' },
    [308, 'http://b.example/a/b'],
    [308, 'http://c.example/a/b'],
  ),
  redirectCase(
    ['Redirect.port'],
    { port: 81 },
    { port: 82 },
    [308, 'http://api.example:81/a/b'],
    [308, 'http://api.example:82/a/b'],
  ),
  redirectCase(
    ['Redirect.status'],
    { port: 81 },
    { port: 81, status: 302 },
    [308, 'http://api.example:81/a/b'],
    [302, 'http://api.example:81/a/b'],
  ),
  redirectCase(
    ['Redirect.path', 'RedirectPath.replace', 'RedirectPath.replace_prefix'],
    { path: { replace: '/c' } },
    { path: { replacePrefix: '/c' } },
    [308, '/c'],
    [308, '/c/b'],
  ),
];

const respondCases: readonly FieldCase[] = [
  answerCase('respond', 'x-none')(
    ['Route.respond', 'DirectResponse.status'],
    { status: 200, text: 'a' },
    { status: 404, text: 'a' },
    [200, 'a'],
    [404, 'a'],
  ),
  answerCase('respond', 'x-none')(
    ['DirectResponse.text', 'DirectResponse.json'],
    { status: 200, text: 'a' },
    { status: 200, json: 'a' },
    [200, 'a'],
    [200, '"a"'],
  ),
  answerCase('respond', 'x-given')(
    ['DirectResponse.headers'],
    { status: 200, headers: { 'x-given': 'a' } },
    { status: 200, headers: { 'x-given': 'b' } },
    [200, 'a'],
    [200, 'b'],
  ),
];

const faultCase = (
  proves: readonly string[],
  from: Spec | undefined,
  to: Spec,
  rest: Pick<FieldCase, 'observe' | 'was' | 'is'>,
): FieldCase => ({
  proves,
  key: 'Route/r',
  from: route(from ? { faults: from } : {}),
  to: route({ faults: to }),
  ...rest,
});

const faultCases: readonly FieldCase[] = [
  faultCase(
    ['Route.faults', 'Faults.abort'],
    undefined,
    { abort: { status: 500 } },
    { observe: status, was: 200, is: 500 },
  ),
  faultCase(
    ['FaultAbort.status'],
    { abort: { status: 500 } },
    { abort: { status: 503 } },
    { observe: status, was: 500, is: 503 },
  ),
  faultCase(
    ['FaultAbort.percent'],
    { abort: { status: 500 } },
    { abort: { status: 500, percent: 0 } },
    { observe: status, was: 500, is: 200 },
  ),
  faultCase(
    ['Faults.when', 'FaultCondition.header'],
    { abort: { status: 500 }, when: { header: 'x-given' } },
    { abort: { status: 500 }, when: { header: 'x-other' } },
    { observe: at('/', { 'x-given': '1' }), was: 500, is: 200 },
  ),
  faultCase(
    ['Faults.delay', 'FaultDelay.for'],
    { delay: { for: '1ms' } },
    { delay: { for: '5m' } },
    { observe: isAnswered, was: true, is: false },
  ),
  faultCase(
    ['FaultDelay.percent'],
    { delay: { for: '5m' } },
    { delay: { for: '5m', percent: 0 } },
    { observe: isAnswered, was: false, is: true },
  ),
];

export const routeAnswerCases: readonly FieldCase[] = [
  ...redirectCases,
  ...respondCases,
  {
    proves: ['Route.cors'],
    key: 'Route/r',
    from: route({}),
    to: route({ cors: { origins: ['https://a.example'] } }),
    observe: async ({ ask }) =>
      (await ask({ headers: { origin: 'https://a.example' } })).header('access-control-allow-origin'),
    was: undefined,
    is: 'https://a.example',
  },
  ...faultCases,
];
