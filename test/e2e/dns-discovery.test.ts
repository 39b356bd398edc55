/** Services whose endpoints DNS knows: found, followed while they change, and kept while DNS says nothing. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type DnsReply, type DnsServer, startDnsServer } from '../harness/dns-server.ts';
import { type Gateway, readMetric, startGateway } from '../harness/gateway.ts';
import { startLoad } from '../harness/load.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let dns: DnsServer;
let first: Origin;
let second: Origin;
let gateway: Gateway;

/** What `users.test` leads to. */
const srv = (...origins: readonly (Origin | readonly [Origin, number])[]) =>
  origins.map((each) => {
    const [{ port }, priority] = Array.isArray(each) ? (each as [Origin, number]) : [each as Origin, 0];
    return { type: 'SRV', target: 'host.test', port, priority } as const;
  });
let users: DnsReply = { rcode: 3 };

const service = (name: string, rest: string): string => `
kind: Service
name: ${name}
spec: { ${rest} }
---
kind: Route
name: ${name}
spec: { match: [{ path: { prefix: /${name} } }], service: ${name} }
`;

beforeAll(async () => {
  dns = stack.use(await startDnsServer());
  dns.reply = ({ name, type }) => {
    if (name === 'host.test') return type === 'A' ? { records: [{ type, ip: '127.0.0.1', ttl: 1 }] } : {};
    return name === 'users.test' && type === 'SRV' ? users : { rcode: 3 };
  };
  first = stack.use(await startOrigin(() => ({ headers: { 'x-origin': 'first' } })));
  second = stack.use(await startOrigin(() => ({ headers: { 'x-origin': 'second' } })));
  gateway = stack.use(
    await startGateway({
      manifest: service(
        'users',
        'discovery: { dns: { name: users.test, refresh: 1s } }, loadBalancing: { roundRobin: {} }',
      ),
      node: { args: ['--dns-server', dns.address] },
    }),
  );
});
afterAll(() => stack.disposeAsync());
afterEach(() => {
  first.reply = () => ({ headers: { 'x-origin': 'first' } });
});

async function ask(path = '/users'): Promise<string> {
  await using client = await connectRaw(gateway.node.port);
  const { status, body, header } = await client.request({ target: path });
  return status === 200 ? String(header('x-origin')) : `${status} ${JSON.parse(body.toString()).type.split(':').pop()}`;
}

/** Who answers ten requests on connections of their own, which are spread over the workers. */
async function answering(path?: string): Promise<string> {
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(path)));
  return [...new Set(answers)].sort().join(', ');
}

const becomes = (expected: string, path?: string) =>
  waitFor(`${expected} answer`, async () => (await answering(path)) === expected);

test('before the first answer there is no endpoint; then those that were found answer, whatever the revision', async () => {
  expect(await answering()).toBe('503 no_healthy_endpoint');
  await waitFor('it is asked', () => dns.questions.length > 0);
  const { revision } = JSON.parse((await gateway.node.admin('/__ready')).body);
  users = { records: srv(first) };
  await becomes('first');
  users = { records: srv(first, second) };
  await becomes('first, second');
  users = { records: srv(second) };
  await becomes('second');
  expect(JSON.parse((await gateway.node.admin('/__ready')).body)).toMatchObject({ revision, held: [] });
  expect(JSON.parse((await gateway.node.admin('/__endpoints')).body)).toMatchObject({
    services: [
      {
        service: 'users',
        from: 'dns',
        dns: { name: 'users.test', answeredAt: expect.any(String) },
        endpoints: [{ address: second.address, weight: 1, state: 'unchecked', inFlight: 0 }],
      },
    ],
  });
  expect(await readMetric(gateway.node, 'gateway_discovery_endpoints', 'service="users"')).toBe(1);
  expect(await readMetric(gateway.node, 'gateway_upstream_healthy', `endpoint="${second.address}"`)).toBe(1);
  expect(await readMetric(gateway.node, 'gateway_upstream_healthy', `endpoint="${first.address}"`)).toBe(0);
});

test('endpoints of a later priority answer when the first ones cannot be reached', async () => {
  users = { records: srv([first, 1], [second, 2]) };
  await becomes('first');
  await gateway.admin.applyActive(
    service(
      'users',
      'discovery: { dns: { name: users.test, refresh: 1s } }, outlierDetection: { consecutiveFailures: 1, maxEjectedPercent: 100 }',
    ),
  );
  expect(await answering()).toBe('first');
  await first.stop();
  try {
    await becomes('second');
  } finally {
    await first.start();
  }
  await gateway.admin.applyActive(
    service('users', 'discovery: { dns: { name: users.test, refresh: 1s } }, loadBalancing: { roundRobin: {} }'),
  );
});

test.each<[string, DnsReply]>([
  ['fails', { rcode: 2 }],
  ['is empty', {}],
])('an answer that %s leaves what was found last', async (_, reply) => {
  users = { records: srv(first) };
  await becomes('first');
  const failed = await readMetric(gateway.node, 'gateway_discovery_lookups_total', 'result="failed"');
  users = reply;
  await waitFor(
    'it fails',
    async () => (await readMetric(gateway.node, 'gateway_discovery_lookups_total', 'result="failed"')) > failed,
  );
  expect(await answering()).toBe('first');
  const [{ dns: lookups }] = JSON.parse((await gateway.node.admin('/__endpoints')).body).services;
  expect(lookups.failure).toMatch(/^E/);
});

test('endpoints that come and go each second fail no request, and an answer under way is whole', async () => {
  users = { records: srv(first) };
  await becomes('first');
  const { promise: gone, resolve: isGone } = Promise.withResolvers<void>();
  first.reply = async ({ target }) => {
    if (target === '/users/held') await gone;
    return { headers: { 'x-origin': 'first' } };
  };
  const held = ask('/users/held');
  await waitFor('the origin has it', () => first.requests.some(({ target }) => target === '/users/held'));
  users = { records: srv(second) };
  await becomes('second');
  isGone();
  expect(await held).toBe('first');
  first.reply = () => ({ headers: { 'x-origin': 'first' } });
  let turn = 0;
  dns.reply = ({ name, type }) => {
    if (name === 'host.test') return type === 'A' ? { records: [{ type, ip: '127.0.0.1', ttl: 0 }] } : {};
    return type === 'SRV' ? { records: srv(...(turn++ % 2 === 0 ? [first] : [first, second])) } : {};
  };
  const load = startLoad({ port: gateway.node.port, connections: 4, rate: 200, request: () => ({ target: '/users' }) });
  await waitFor('it changed some times', () => turn > 5);
  const { failed, requests } = await load.stop();
  expect({ failed, many: requests > 100 }).toEqual({ failed: 0, many: true });
});

test('a service that listed its endpoints keeps them until DNS has answered', async () => {
  await gateway.admin.applyActive(service('moved', `endpoints: [{ address: "${first.address}" }]`));
  expect(await answering('/moved')).toBe('first');
  await gateway.admin.applyActive(service('moved', 'discovery: { dns: { name: nobody.test } }'));
  expect(await answering('/moved')).toBe('first');
  await gateway.admin.applyActive(service('moved', 'discovery: { dns: { name: users.test, refresh: 1s } }'));
  await waitFor('it is found', async () => (await answering('/moved')) !== '503 no_healthy_endpoint');
  await gateway.admin.applyActive(service('moved', `endpoints: [{ address: "${second.address}" }]`));
  expect(await answering('/moved')).toBe('second');
  expect(await readMetric(gateway.node, 'gateway_upstream_healthy', 'service="moved"')).toBe(1);
});

test('a node that starts without DNS and control plane has what was found last', async () => {
  dns.reply = ({ name, type }) => {
    if (name === 'host.test') return type === 'A' ? { records: [{ type, ip: '127.0.0.1', ttl: 1 }] } : {};
    return { records: srv(second) };
  };
  await becomes('second');
  await gateway.node.stop();
  dns.reply = () => 'silence';
  await gateway.controlPlane.stop();
  await gateway.node.start();
  expect(await answering()).toBe('second');
});
