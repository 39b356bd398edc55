/** `gatewayctl services check`: what each node thinks of each endpoint, where they differ, and that it fails where nothing is left. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let gateway: Gateway;
let second: Node;
let origins: Origin[];

interface Service {
  readonly service: string;
  readonly endpoints: readonly { readonly address: string; readonly state: string }[];
}

interface Row {
  readonly service: string;
  readonly address: string;
  readonly node: string;
  readonly state: string;
  readonly disputed: boolean;
}

const at = (index: number): string => origins[index]!.address;
const manifest = (): string => `
kind: Service
name: probed
spec:
  endpoints: [{ address: "${at(0)}", zone: here, weight: 3 }, { address: "${at(1)}" }]
  healthCheck: { http: { path: /health }, interval: 200ms, timeout: 10s, healthyAfter: 1, unhealthyAfter: 1 }
---
kind: Service
name: judged
spec:
  endpoints: [{ address: "${at(0)}" }, { address: "${at(2)}" }]
  loadBalancing: { roundRobin: {} }
  outlierDetection: { consecutiveFailures: 1, baseEjection: 1h, maxEjectedPercent: 50 }
  circuitBreaker: { consecutiveFailures: 100 }
---
kind: Route
name: judged
spec: { match: [{ path: { prefix: /judged } }], service: judged }
---
kind: Service
name: broken
spec: { endpoints: [{ address: "127.0.0.1:9" }], circuitBreaker: { consecutiveFailures: 1, openFor: 1h } }
---
kind: Route
name: broken
spec: { match: [{ path: { prefix: /broken } }], service: broken }
---
kind: Service
name: empty
spec: { discovery: { registry: { ttl: 1h } } }
---
kind: Service
name: off
spec: { enabled: false, endpoints: [{ address: "${at(0)}" }] }
`;

beforeAll(async () => {
  origins = await Promise.all(Array.from({ length: 3 }, async () => stack.use(await startOrigin(() => ({})))));
  gateway = stack.use(await startGateway({ manifest: manifest(), node: { id: 'n1' } }));
  second = stack.use(await startNode({ controlPlane: gateway.controlPlane.url, id: 'n2' }));
});
afterAll(() => stack.disposeAsync());

const check = (...args: string[]) => gateway.controlPlane.ctl(['services', 'check', ...args]);
const rows = async (...args: string[]): Promise<Row[]> => JSON.parse((await check(...args, '-o', 'json')).stdout);

/** `ENDPOINT NODE STATE`, endpoints by their number; as the nodes themselves say it. */
const becomes = (service: string, ...expected: readonly string[]) =>
  waitFor(`${service} is ${expected.join(', ')}`, async () => {
    const told = [gateway.node, second].map(async (node) => {
      const { services } = JSON.parse((await node.admin('/__endpoints')).body) as { services: Service[] };
      const { endpoints = [] } = services.find((each) => each.service === service) ?? {};
      return endpoints.map(({ address, state }) => `${numberOf(address)} ${node.id} ${state}`);
    });
    return (await Promise.all(told)).flat().sort().join() === expected.join();
  });
const numberOf = (address: string): number => origins.findIndex((origin) => origin.address === address);

/** The lines of a table as their values, by endpoint. */
async function table(...args: string[]): Promise<readonly (readonly string[])[]> {
  const lines = (await check(...args)).stdout.trimEnd().split('\n');
  return lines
    .map((line) => line.split(/ {2,}/).map((value) => (numberOf(value) < 0 ? value : String(numberOf(value)))))
    .sort((left, right) => (left.join() < right.join() ? -1 : 1));
}

test('endpoints that nodes agree about take a line each', async () => {
  await becomes('probed', '0 n1 healthy', '0 n2 healthy', '1 n1 healthy', '1 n2 healthy');
  expect(await table('probed')).toEqual([
    ['SERVICE', 'ENDPOINT', 'STATE', 'FOR', 'WEIGHT', 'ZONE', 'BREAKER', 'NODES', 'LAST ERROR'],
    ['probed', '0', 'healthy', '-', '3', 'here', '-', 'n1, n2'],
    ['probed', '1', 'healthy', '-', '1', '-', '-', 'n1, n2'],
  ]);
  expect((await check('probed')).code).toBe(0);
});

test('what one node alone thinks is told apart, in each form', async () => {
  origins[2]!.reply = () => ({ status: 503 });
  await becomes('judged', '0 n1 unchecked', '0 n2 unchecked', '2 n1 unchecked', '2 n2 unchecked');
  await using client = await connectRaw(gateway.node.port);
  await waitFor('the endpoint is ejected', async () => {
    await client.request({ target: '/judged' });
    return (await rows('judged')).some(({ state }) => state === 'ejected');
  });
  expect(await table('judged')).toEqual([
    ['SERVICE', 'ENDPOINT', 'STATE', 'FOR', 'WEIGHT', 'ZONE', 'BREAKER', 'NODES', 'LAST ERROR'],
    ['judged', '0', 'unchecked', '-', '1', '-', 'closed', 'n1, n2'],
    ['judged', '2', 'ejected', '-', '1', '-', 'closed', '1 of 2: n1'],
    ['judged', '2', 'unchecked', '-', '1', '-', 'closed', '1 of 2: n2'],
  ]);
  const wide = (await table('judged', '-o', 'wide')).find((line) => line.includes('ejected'));
  expect(wide).toEqual([
    'judged',
    '2',
    'n1',
    'ejected',
    '-',
    '1',
    '-',
    'closed',
    '0',
    expect.stringMatching(/^\d{4}-.*Z$/),
  ]);
  const disputed = (await rows('judged')).filter((row) => row.disputed);
  expect(disputed.map(({ node, state }) => `${node} ${state}`)).toEqual(['n1 ejected', 'n2 unchecked']);
  expect(await rows('judged', '--node', 'n2')).toMatchObject([{ node: 'n2' }, { node: 'n2' }]);
  expect((await check('judged', '-o', 'yaml')).stdout).toContain('state: ejected');
  expect((await check('judged')).code).toBe(0);
});

test('a service with nothing to send requests to fails the check, and says why', async () => {
  for (const origin of origins.slice(0, 2)) await origin.stop();
  await becomes('probed', '0 n1 unhealthy', '0 n2 unhealthy', '1 n1 unhealthy', '1 n2 unhealthy');
  const { code, stdout, stderr } = await check();
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: 'empty has no healthy endpoint on n1, n2\nprobed has no healthy endpoint on n1, n2\n',
  });
  expect(stdout).toMatch(/^probed .* unhealthy +\d+s .* n1, n2 +ECONNREFUSED$/m);
  expect(stdout).toMatch(/^empty +- +none .* n1, n2 +it has no endpoints$/m);
  expect(stdout).toMatch(/^off .* disabled .* n1, n2$/m);
  for (const origin of origins.slice(0, 2)) await origin.start();
  await becomes('probed', '0 n1 healthy', '0 n2 healthy', '1 n1 healthy', '1 n2 healthy');
});

test('a breaker that opens is told in the log, and at the control plane by itself, with since when', async () => {
  await using client = await connectRaw(gateway.node.port);
  expect((await client.request({ target: '/broken' })).status).toBe(502);
  const list = async () => JSON.parse(await gateway.controlPlane.ctlOk(['breakers', 'list', 'broken', '-o', 'json']));
  const opened = await waitFor('it is reported', async () => {
    const [one] = (await list()).filter(({ nodeId }: { nodeId: string }) => nodeId === 'n1');
    return one?.state === 'open' && one;
  });
  expect(opened).toMatchObject({ since: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(gateway.node.process().stdout() + gateway.node.process().stderr()).toContain('circuit breaker opened');
  expect((await check('broken')).stdout).toMatch(/^broken .* open +1 of 2: n1$/m);
  expect(await gateway.controlPlane.ctlOk(['breakers', 'reset', 'broken', '--node', 'n1'])).toBe('closed on n1\n');
  await waitFor('it is closed', async () => (await list()).every(({ state }: { state: string }) => state === 'closed'));
});

test('an endpoint that left is shown while it has requests', async () => {
  const answer = Promise.withResolvers<object>();
  origins[0]!.reply = ({ target }) => (target === '/judged/slow' ? answer.promise : {});
  await using client = await connectRaw(gateway.node.port);
  // The other one is ejected.
  const slow = client.request({ target: '/judged/slow' });
  await waitFor('it is under way', () => origins[0]!.requests.some(({ target }) => target === '/judged/slow'));
  await gateway.admin.applyActive(
    manifest().replace(`[{ address: "${at(0)}" }, { address: "${at(2)}" }]`, `[{ address: "${at(2)}" }]`),
  );
  expect((await rows('judged')).filter(({ state }) => state === 'draining')).toMatchObject([
    { address: at(0), node: 'n1', disputed: false, inFlight: 1 },
  ]);
  answer.resolve({});
  expect((await slow).status).toBe(200);
  await waitFor('it is gone', async () => (await rows('judged')).every(({ address }) => address !== at(0)));
});

test('a service, or a node, that is not there is said', async () => {
  expect(await check('nothing')).toMatchObject({ code: 1, stderr: 'no connected node has a service nothing\n' });
  expect(await check('--node', 'n9')).toMatchObject({ code: 1, stderr: 'no node n9\n' });
  second.pause();
  try {
    const { code, stderr, stdout } = await check('probed');
    expect(code).toBe(1);
    expect(stderr).toMatch(/^n2 did not say: no answer within \d+ ms\n$/);
    expect(stdout).toContain(' n1');
  } finally {
    second.resume();
  }
});
