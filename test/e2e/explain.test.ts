/** What explain says of a request is what a node does with it. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExplainedRequest, Explainer } from '@sluice/engine';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readManifests } from '../harness/admin.ts';
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { gatewayctl } from '../harness/gatewayctl.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';

const stack = new AsyncDisposableStack();
let origin: Origin;
let gateway: Gateway;
let folder: TempDir;
const secrets: Record<string, string> = {};

const TOKEN_SECRET = '0123456789abcdef0123456789abcdef';

const manifest = (address: string): string => `
kind: Consumer
name: alice
spec: { scopes: [orders.read], groups: [staff] }
---
kind: NodeGroup
name: other
spec: {}
---
kind: Consumer
name: bob
spec: {}
---
kind: Service
name: up
spec: { endpoints: [{ address: "${address}" }] }
---
kind: Listener
name: http
spec: { address: "127.0.0.1:8080", trustedProxies: [127.0.0.1/32] }
---
kind: Issuer
name: partner
spec: { issuer: partner, algorithms: [HS256], secret: { inline: "${TOKEN_SECRET}" }, consumer: { claim: sub } }
---
kind: Route
name: tokens
spec:
  match: [{ path: { prefix: /tokens } }]
  service: up
  auth: { anyOf: [{ apiKey: {} }, { jwt: { issuers: [partner] } }] }
  authorization: { scopes: { allOf: [orders.read] } }
---
kind: Route
name: tenants
spec:
  match: [{ path: { prefix: /tenants } }]
  service: up
  auth: { anyOf: [{ jwt: { issuers: [partner] } }] }
  authorization: { groups: { anyOf: [staff, boss] }, claims: { tenant: [acme] } }
---
kind: Route
name: unasked
spec: { match: [{ path: { prefix: /unasked } }], service: up, authorization: { groups: { anyOf: [staff] } } }
---
kind: Route
name: optional
spec: { match: [{ path: { prefix: /optional } }], service: up, auth: { anyOf: [{ apiKey: {} }], optional: true } }
---
kind: Service
name: off
spec: { enabled: false, endpoints: [{ address: "${address}" }] }
---
kind: Service
name: elsewhere
spec: { endpoints: [{ address: "${address}", nodeGroups: [other] }] }
---
kind: Policy
name: known
spec: { auth: { anyOf: [{ apiKey: {} }] } }
---
kind: Route
name: open
spec: { match: [{ path: { prefix: /open } }], service: up }
---
kind: Route
name: open-v2
spec: { match: [{ path: { prefix: /open }, headers: { x-version: { exact: "2" } } }], respond: { status: 299, text: two } }
---
kind: Route
name: hosted
spec: { hosts: ["*.a.example"], match: [{ path: { template: "/items/{id}" }, methods: [GET] }], service: up }
---
kind: Route
name: keyed
spec: { match: [{ path: { prefix: /keyed } }], service: up, policies: [known] }
---
kind: Route
name: scoped
spec: { match: [{ path: { prefix: /scoped } }], service: up, policies: [known], authorization: { scopes: { anyOf: [orders.read] } } }
---
kind: Route
name: staff
spec: { match: [{ path: { prefix: /staff } }], service: up, policies: [known], authorization: { groups: { anyOf: [staff] } } }
---
kind: Route
name: near
spec: { match: [{ path: { prefix: /near } }], service: up, authorization: { ip: { deny: [127.0.0.0/8] } } }
---
kind: Route
name: moved
spec: { match: [{ path: { prefix: /moved } }], redirect: { status: 308, host: b.example } }
---
kind: Route
name: scripts
spec: { match: [{ path: { prefix: /scripts }, methods: [PUT] }], service: up, cors: { origins: ["https://app.example"], methods: [PUT] } }
---
kind: Route
name: broken
spec: { match: [{ path: { prefix: /broken } }], service: up, faults: { abort: { status: 418, percent: 100 } } }
---
kind: Route
name: disabled
spec: { match: [{ path: { prefix: /disabled } }], service: off }
---
kind: Route
name: orders
spec:
  match: [{ path: { prefix: /orders } }]
  service: up
  bodyBytes: 40B
  validation: { requestSchema: { inline: '{"type":"object","required":["id"]}' } }
---
kind: Policy
name: tried
spec: { mode: dryRun, validation: { requestSchema: { inline: '{"type":"object","required":["id"]}' }, maxBytes: 40B } }
---
kind: Route
name: tried
spec: { match: [{ path: { prefix: /tried } }], service: up, policies: [tried] }
---
kind: Route
name: empty
spec: { match: [{ path: { prefix: /empty } }], service: elsewhere }
`;

beforeAll(async () => {
  origin = stack.use(await startOrigin(() => ({ status: 200, body: 'origin' })));
  gateway = stack.use(await startGateway({ manifest: manifest(origin.address), node: { id: 'n1' } }));
  folder = stack.use(await makeTempDir('explain'));
  for (const consumer of ['alice', 'bob'])
    secrets[consumer] = await gateway.admin.createKey(`${consumer}-key`, consumer);
  await gateway.admin.applyActive(manifest(origin.address).replace('text: two', 'text: second'));
});

afterAll(() => stack.disposeAsync());

interface Case {
  readonly target: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly as?: string;
  /** What a token says of whom it is asked as. */
  readonly token?: {
    readonly scopes?: readonly string[];
    readonly groups?: readonly string[];
    readonly tenant?: string;
  };
  readonly body?: string;
}

const json = { 'content-type': 'application/json' };
const cases: readonly Case[] = [
  { target: '/open' },
  { target: '/open/../open/%7Ex?q=1' },
  { target: '/opener' },
  { target: '/open', headers: { 'x-version': '2' } },
  { target: '/open', headers: { 'x-version': '3' } },
  { target: '/open%2fx' },
  { target: '/items/7', host: 'shop.a.example' },
  { target: '/items/7', host: 'a.example' },
  { target: '/items/7', host: 'SHOP.a.example:80', method: 'DELETE' },
  { target: '/items/7', host: 'shop.a.example', method: 'HEAD' },
  { target: '/items/', host: 'shop.a.example' },
  { target: '/keyed' },
  { target: '/keyed', as: 'alice' },
  { target: '/scoped', as: 'alice' },
  { target: '/scoped', as: 'bob' },
  { target: '/scoped' },
  { target: '/staff', as: 'alice' },
  { target: '/staff', as: 'bob' },
  { target: '/near' },
  { target: '/near', headers: { 'x-forwarded-for': '9.9.9.9' } },
  { target: '/near', headers: { 'x-forwarded-for': '9.9.9.9, 127.0.0.2' } },
  { target: '/near', headers: { forwarded: 'for=127.0.0.3, for="9.9.9.9:1234";by="x;for=127.0.0.4"' } },
  { target: '/near', headers: { forwarded: 'for=9.9.9.9', 'x-forwarded-for': '127.0.0.2' } },
  { target: '/tokens', as: 'alice' },
  { target: '/tokens', as: 'alice', token: { tenant: 'acme' } },
  { target: '/tokens', as: 'alice', token: { scopes: ['other'] } },
  { target: '/tokens', as: 'bob', token: { scopes: ['orders.read'] } },
  { target: '/scoped', as: 'alice', token: { scopes: ['orders.read'] } },
  { target: '/tenants', as: 'alice', token: { tenant: 'acme' } },
  { target: '/tenants', as: 'bob', token: { tenant: 'acme' } },
  { target: '/tenants', as: 'bob', token: { tenant: 'acme', groups: ['boss'] } },
  { target: '/tenants', as: 'bob', token: { tenant: 'other', groups: ['boss'] } },
  { target: '/unasked' },
  { target: '/unasked', as: 'alice' },
  { target: '/optional' },
  { target: '/moved/x' },
  { target: '/scripts', method: 'PUT' },
  { target: '/scripts', method: 'PUT', headers: { origin: 'https://other.example' } },
  {
    target: '/scripts',
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
  },
  {
    target: '/scripts',
    method: 'OPTIONS',
    headers: { origin: 'https://other.example', 'access-control-request-method': 'PUT' },
  },
  { target: '/scripts', method: 'OPTIONS' },
  { target: '/broken' },
  { target: '/disabled' },
  { target: '/empty' },
  { target: '/nothing' },
  { target: '/orders' },
  { target: '/orders', method: 'POST' },
  { target: '/orders', method: 'POST', body: '{"id":1}' },
  { target: '/orders', method: 'POST', body: '{"id":1}', headers: json },
  { target: '/orders', method: 'POST', body: '{"no":1}', headers: json },
  { target: '/orders', method: 'POST', body: '{"id":1,"id":2}', headers: json },
  { target: '/orders', method: 'POST', body: JSON.stringify({ id: 'x'.repeat(40) }), headers: json },
  { target: '/tried', method: 'POST' },
  { target: '/tried', method: 'POST', body: '{"no":1}', headers: json },
  { target: '/tried', method: 'POST', body: JSON.stringify({ id: 'x'.repeat(40) }), headers: json },
  { target: '/open', method: 'POST', body: 'x'.repeat(100) },
];

const bearer = async (sub: string, { scopes, groups, tenant }: NonNullable<Case['token']>) => {
  const claims = {
    sub,
    iss: 'partner',
    scope: scopes?.join(' ') ?? '',
    ...(groups && { groups }),
    ...(tenant && { tenant }),
  };
  const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(TOKEN_SECRET));
  return { authorization: `Bearer ${token}` };
};

test('decides as a node does', async () => {
  const explainer = new Explainer(readManifests(manifest(origin.address)));
  for (const { target, method = 'GET', host = 'any.example', headers = {}, as, token, body } of cases) {
    const { scopes = [], groups = [], tenant } = token ?? {};
    const asked: ExplainedRequest = {
      ...{ listener: 'http', method, host, target, headers: new Map(Object.entries(headers)) },
      ...{ address: '127.0.0.1', body: body === undefined ? undefined : Buffer.from(body) },
      caller: as === undefined ? undefined : { consumer: as, scopes, groups, claims: tenant ? { tenant } : null },
    };
    const { outcome } = explainer.decide(asked);
    await using client = await connectRaw(gateway.node.port);
    const credential = as === undefined ? {} : token ? await bearer(as, token) : { 'x-api-key': secrets[as]! };
    const sent = { ...headers, host, ...credential };
    const answer = await client.request({ method, target, headers: sent, ...(body !== undefined && { body }) });
    const { status, header } = answer;
    const problem = header('content-type') === 'application/problem+json' && method !== 'HEAD';
    const code = problem ? (JSON.parse(answer.body.toString()) as { type: string }).type.split(':').at(-1) : undefined;
    expect({ target, as, token, status: outcome.status ?? 200, code: outcome.code }).toEqual({
      target,
      as,
      token,
      status,
      code,
    });
  }
});

const ctl = (...args: string[]) => gatewayctl(['explain', ...args], { server: gateway.controlPlane.url });

describe('gatewayctl explain', () => {
  test('prints the outcome, each step, the matches that give way and the nearest misses', async () => {
    const { code, stdout } = await ctl('GET', 'http://x.example/scoped/1', '--as', 'bob');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^403 forbidden: the caller lacks scopes: needs one of orders.read; has none\n/);
    expect(stdout).toMatch(/^route +pass +scoped takes it$/m);
    expect(stdout).toMatch(
      /^authentication +pass +assumed to be the consumer bob, by an API key in the header x-api-key$/m,
    );
    expect(stdout).toMatch(/^authorization +end +the caller lacks scopes/m);
    const tried = await ctl('POST', '/tried');
    expect(tried.stdout).toMatch(/^validation +pass +would be refused, and passes: A body is required\.$/m);
    const missed = await ctl('GET', 'http://x.example/items/7');
    expect(missed.stdout).toMatch(/^404 route_not_found: no route takes this request\n/);
    expect(missed.stdout).toMatch(
      /^hosted +GET \*\.a\.example template \/items\/\{id\} +0 +host +\*\.a\.example +x\.example$/m,
    );
  });

  test('says that credentials are not verified, and whose address counts', async () => {
    const keyed = await ctl('GET', '/keyed', '-H', 'x-api-key: slk_something');
    expect(keyed.stdout).toMatch(
      /^401 unauthenticated: .* nobody is assumed; a credential is presented, and none is verified here: say --as CONSUMER\n/,
    );
    expect((await ctl('GET', '/optional', '-H', 'x-api-key: k')).stdout).toMatch(
      /^authentication +open +nobody is assumed/m,
    );
    const near = await ctl('GET', '/near', '--from', '127.0.0.1', '-H', 'x-forwarded-for: 9.9.9.9');
    expect(near.stdout).toMatch(
      /^client address +pass +9\.9\.9\.9, which the trusted proxy 127\.0\.0\.1 names, may call$/m,
    );
    expect((await ctl('GET', '/unasked', '--as', 'alice')).stdout).toMatch(
      /^authentication +pass +nobody is asked who he is/m,
    );
  });

  test('gives it exactly as json, of a revision or of what is active on a node', async () => {
    const then = await ctl('GET', '/open', '-H', 'x-version: 2', '--revision', '1', '-o', 'json');
    expect(JSON.parse(then.stdout)).toMatchObject({
      revision: 1,
      outcome: { kind: 'answer', status: 299 },
      route: 'open-v2',
      alsoTaking: [{ route: 'open' }],
    });
    const node = await ctl('GET', '/open', '--node', 'n1', '-o', 'json');
    expect(JSON.parse(node.stdout)).toMatchObject({ revision: 2, outcome: { kind: 'forward' }, route: 'open' });
  });

  test('counts many requests by what becomes of them, and says what another revision does differently', async () => {
    const lines = [
      { url: '/open' },
      { url: '/open/2' },
      { url: '/scoped', as: 'alice' },
      { url: '/scoped' },
      { url: 'http://b.a.example/items/1', method: 'PUT' },
    ];
    const path = join(folder.path, 'requests.jsonl');
    await writeFile(path, lines.map((line) => `${JSON.stringify(line)}\n`).join('\n'));
    const { stdout } = await ctl('--file', path, '-o', 'json');
    expect(JSON.parse(stdout)).toEqual([
      { requests: 2, route: 'open', example: 'GET /open' },
      { requests: 1, route: 'scoped', example: 'GET /scoped' },
      { requests: 1, route: 'scoped', status: 401, code: 'unauthenticated', example: 'GET /scoped' },
      { requests: 1, status: 405, code: 'method_not_allowed', example: 'PUT http://b.a.example/items/1' },
    ]);
    expect(await ctl('--file', path, '--compare', '1')).toMatchObject({
      code: 0,
      stdout: 'revision 1 decides all 5 as revision 2 does\n',
    });
    await gateway.admin.applyActive(
      'kind: Route\nname: open\nspec: { match: [{ path: { prefix: /open } }], service: off }\n',
    );
    const compared = await ctl('--file', path, '--compare', '2');
    expect(compared.code).toBe(3);
    expect(compared.stdout).toMatch(/^2 +open +503 +service_disabled +route open: forwarded to up +GET \/open\n$/m);
  });

  test.each([
    [['GET'], 2, 'say what to ask: gatewayctl explain METHOD URL'],
    [['G T', '/x'], 2, 'error: "G T" is no method'],
    [['GET', 'ftp://x/y'], 2, 'error: "ftp://x/y" is neither a URL (http://HOST/PATH) nor a path (/PATH)'],
    [['GET', '/x', '-H', 'nothing'], 2, 'error: "nothing" is no header; write NAME: VALUE'],
    [['GET', '/x', '--from', 'here'], 2, 'error: "here" is no IP address'],
    [['GET', '/keyed', '--as', 'nobody'], 1, 'error: there is no consumer nobody at revision '],
    [['GET', '/x', '--listener', 'no'], 1, 'error: there is no listener no at revision '],
    [['--file', '/nowhere.jsonl'], 1, '/nowhere.jsonl'],
    [['GET', '/x', '--file', 'y'], 2, 'give either METHOD and URL or --file'],
  ])('%j is refused', async (args, code, message) => {
    const result = await ctl(...args);
    expect({ ...result, stderr: result.stderr.includes(message) || result.stderr }).toEqual({
      ...{ code, stdout: '', stderr: true },
    });
  });

  test('names every line of a file that is wrong', async () => {
    const path = join(folder.path, 'wrong.jsonl');
    await writeFile(path, '{"url":"/x"}\nnot json\n{"uri":"/x"}\n{"url":5}\n{"url":"x"}\n[]\n{}\n');
    const { code, stderr } = await ctl('--file', path);
    expect(code).toBe(1);
    expect(stderr.replaceAll(`${path}:`, '').trimEnd().split('\n')).toEqual([
      'error: 2: it is no JSON',
      'error: 3: "uri" is not known; there are method, url, headers, as, scopes, groups, claims, from, body',
      'error: 4: "url" has a value of the wrong type',
      'error: 5: "x" is neither a URL (http://HOST/PATH) nor a path (/PATH)',
      'error: 6: it is no JSON object',
      'error: 7: "url" is missing',
    ]);
  });
});
