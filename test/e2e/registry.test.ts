/** Instances that register over the API: reached without a revision, gone when they are silent, and never because nobody could hear them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { type Gateway, startGateway } from '../harness/gateway.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { createSharedDatabase } from '../harness/postgres.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const TOKEN = 'a-token-that-is-long-enough-for-anybody';
const stack = new AsyncDisposableStack();
let gateway: Gateway;
let second: ControlPlane | undefined;
let origins: Origin[];

const service = (name: string, ttl: string): string => `
kind: Service
name: ${name}
spec: { discovery: { registry: { ttl: ${ttl} } }, loadBalancing: { roundRobin: {} } }
---
kind: Route
name: ${name}
spec: { match: [{ path: { prefix: /${name} } }], service: ${name} }
---
`;

beforeAll(async () => {
  origins = await Promise.all(
    ['one', 'two'].map(async (name) => stack.use(await startOrigin(() => ({ headers: { 'x-origin': name } })))),
  );
  const database = await createSharedDatabase();
  gateway = stack.use(
    await startGateway({
      manifest: service('users', '1h') + service('brief', '2s'),
      controlPlane: database === undefined ? {} : { database },
    }),
  );
  if (database !== undefined) {
    const args = ['--secret-key-file', `${gateway.controlPlane.dataDir}/secret.key`];
    second = stack.use(await startControlPlane({ database, args }));
  }
});
afterAll(() => stack.disposeAsync());

/** A call as any client makes it. */
async function call(method: string, body: object, at: { readonly url: string } = gateway.controlPlane, token?: string) {
  const response = await fetch(`${at.url}/sluice.admin.v1.RegistryService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const instance = (at: number, of = 'users') => ({ service: of, address: (origins[at] as Origin).address });

async function answering(path = '/users'): Promise<string> {
  const answers = await Promise.all(
    Array.from({ length: 10 }, async () => {
      await using client = await connectRaw(gateway.node.port);
      const { status, header } = await client.request({ target: path });
      return status === 200 ? String(header('x-origin')) : String(status);
    }),
  );
  return [...new Set(answers)].sort().join(', ');
}
const becomes = (expected: string, path?: string) =>
  waitFor(`${expected} answer`, async () => (await answering(path)) === expected);

test('instances get requests when they register and none when they left, whichever control plane they tell', async () => {
  expect(await answering()).toBe('503');
  const { revision } = JSON.parse((await gateway.node.admin('/__ready')).body);
  const other = second ?? gateway.controlPlane;
  expect(await call('RegisterInstance', { instance: instance(0) })).toMatchObject({ body: { ttl: '3600s' } });
  await becomes('one');
  expect(await call('RegisterInstance', { instance: instance(1) }, other)).toMatchObject({ status: 200 });
  await becomes('one, two');
  expect(await call('Heartbeat', instance(0), other)).toMatchObject({ status: 200 });
  expect(await call('DeregisterInstance', instance(0), other)).toMatchObject({ status: 200 });
  await becomes('two');
  expect(await call('Heartbeat', instance(0))).toMatchObject({ status: 404, body: { code: 'not_found' } });
  expect(JSON.parse((await gateway.node.admin('/__ready')).body)).toMatchObject({ revision, held: [] });
  const { services } = JSON.parse((await gateway.node.admin('/__endpoints')).body);
  expect(services.find((each: { service: string }) => each.service === 'users')).toMatchObject({
    from: 'registry',
    endpoints: [{ address: (origins[1] as Origin).address, state: 'unchecked' }],
  });
  expect(await gateway.controlPlane.ctlOk(['services', 'instances', 'users'])).toContain(
    (origins[1] as Origin).address,
  );
});

test('an instance that misses its ttl is gone, one that does not stays', async () => {
  for (const at of [0, 1]) await call('RegisterInstance', { instance: instance(at, 'brief') });
  await becomes('one, two', '/brief');
  let beats = 0;
  const beat = async (): Promise<void> => {
    const at = beats++ % 2 === 0 ? gateway.controlPlane : (second ?? gateway.controlPlane);
    const { status } = await call('Heartbeat', instance(0, 'brief'), at);
    // As clients do that were held up for too long.
    if (status === 404) await call('RegisterInstance', { instance: instance(0, 'brief') }, at);
  };
  const beating = setInterval(() => void beat().catch(() => undefined), 200);
  try {
    await becomes('one', '/brief');
  } finally {
    clearInterval(beating);
  }
  await becomes('503', '/brief');
});

test('a control plane that was away takes nobody away for it, and a node that starts without one has them all', async () => {
  await call('RegisterInstance', { instance: instance(0) });
  await call('RegisterInstance', { instance: instance(1) });
  await becomes('one, two');
  await gateway.controlPlane.kill();
  await gateway.node.stop();
  await gateway.node.start();
  expect(await answering()).toBe('one, two');
  await gateway.controlPlane.start();
  await waitFor('it serves', async () => (await call('Heartbeat', instance(0))).status === 200);
  const { body } = await call('ListInstances', { service: 'users' });
  expect(body.instances).toHaveLength(2);
});

test('who has no token registers nothing', async () => {
  await using guarded = await startControlPlane({ auth: 'token' });
  const request = { instance: { service: 'users', address: '127.0.0.1:1' } };
  expect(await call('RegisterInstance', request, guarded)).toMatchObject({ status: 401 });
  expect(await call('RegisterInstance', request, guarded, TOKEN)).toMatchObject({ status: 401 });
  expect(await call('RegisterInstance', request, guarded, guarded.token)).toMatchObject({ status: 404 });
});

test.each([
  ['no instance', {}],
  ['no address', { instance: { service: 'users' } }],
  ['an address that is none', { instance: { service: 'users', address: 'not an address' } }],
  ['a weight beyond all', { instance: { service: 'users', address: '127.0.0.1:1', weight: 1001 } }],
])('%s is refused', async (_, request) => {
  expect(await call('RegisterInstance', request)).toMatchObject({ status: 400, body: { code: 'invalid_argument' } });
});
