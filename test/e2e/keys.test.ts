/** A key that was ended is refused everywhere at once, whatever happens to the configuration. */
import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { keyedRoute } from '../harness/keyed-route.ts';
import { startLoad } from '../harness/load.ts';
import { watchLostTime } from '../harness/lost-time.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw, type RawClient } from '../harness/raw-client.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let nodes: [Node, Node];
let origin: Origin;

beforeAll(async () => {
  origin = stack.use(await startOrigin(() => ({ body: '{}' })));
  controlPlane = stack.use(await startControlPlane());
  admin = stack.use(connectAdmin(controlPlane));
  await admin.apply(keyedRoute(origin.address));
  const start = async (id: string) =>
    stack.use(await startNode({ controlPlane: controlPlane.url, id, env: { SLUICE_FAULTS: 'crash-header=x-crash' } }));
  nodes = [await start('n1'), await start('n2')];
});

afterAll(() => stack.disposeAsync());

const statusOf = async (node: Node, key: string): Promise<number> => {
  await using client = await connectRaw(node.port);
  return (await client.request({ target: '/r', headers: { 'x-api-key': key } })).status;
};
const untilStatus = (key: string, status: number) =>
  Promise.all(
    nodes.map((node) => waitFor(`${node.id} answers ${status}`, async () => (await statusOf(node, key)) === status)),
  );

test('a revoked key is refused on open connections of every node within 500 ms, while others pass', async () => {
  const revoked = await admin.createKey('revoked', 'c');
  await untilStatus(revoked, 200);
  const kept = await admin.createKey('kept', 'c');
  await untilStatus(kept, 200);
  let answeredAt = Number.POSITIVE_INFINITY;
  const late: number[] = [];
  let revoking = false;
  const loads = nodes.map((node) =>
    startLoad({
      port: node.port,
      connections: 6,
      rate: 250,
      request: (n) => ({ target: '/r', headers: { 'x-api-key': n % 2 === 0 ? revoked : kept } }),
      check: ({ status }, n, { sentAt }) => {
        if (n % 2 === 1) return status === 200 ? undefined : `the kept key: ${status}`;
        if (status === 200 && sentAt > answeredAt) late.push(sentAt - answeredAt);
        return status === 200 || (status === 401 && revoking) ? undefined : `the revoked key: ${status}`;
      },
    }),
  );
  await Promise.all(loads.map((load) => load.waitForRequests(50)));
  revoking = true;
  await admin.keys.revokeKey({ name: 'revoked' });
  answeredAt = performance.now();
  using clock = watchLostTime();
  await Promise.all(loads.map((load) => load.waitForRequests(250)));
  for (const load of loads) {
    const report = await load.stop();
    expect(report.failures).toEqual([]);
    expect(report.reconnects).toBe(0);
    expect(report.statuses['401']).toBeGreaterThan(20);
  }
  expect(Math.max(0, ...late)).toBeLessThan(clock.allow(500));
});

test('a rollback past the creation of a revoked key does not bring it back, nor does a restart of node or worker', async () => {
  const before = Number((await admin.fleet.listNodes({})).revision);
  const key = await admin.createKey('gone', 'c');
  const secondRevision = await admin.applyActive(
    keyedRoute(origin.address, '  responseHeaders: { set: { x-later: "1" } }\n'),
  );
  expect(secondRevision).toBe(before + 1);
  await untilStatus(key, 200);
  await using open = await connectRaw(nodes[0].port);
  const ask = async (client: RawClient) =>
    (await client.request({ target: '/r', headers: { 'x-api-key': key } })).status;
  expect(await ask(open)).toBe(200);

  await controlPlane.ctlOk(['keys', 'revoke', 'gone']);
  await untilStatus(key, 401);
  await controlPlane.ctlOk(['rollback', String(before), '--wait']);
  expect(await ask(open)).toBe(401);
  await untilStatus(key, 401);

  const [node] = nodes;
  await (await connectRaw(node.port)).request({ target: '/r', headers: { 'x-crash': '1' } }).catch(() => undefined);
  await waitFor('the worker is replaced', async () =>
    /^gateway_worker_restarts_total 1$/m.test((await node.admin('/__metrics')).body),
  );
  await node.waitUntilReady();
  expect(await Promise.all(Array.from({ length: 12 }, () => statusOf(node, key)))).toEqual(Array(12).fill(401));
  const facts = Number((await admin.fleet.listNodes({})).factsVersion);
  await waitFor('the revocation is on disk', async () => {
    const { factsVersion, revision, persistedRevision } = JSON.parse((await node.admin('/__ready')).body);
    return factsVersion === facts && revision === persistedRevision;
  });
  controlPlane.pause();
  try {
    await node.kill();
    await node.start();
    expect(await statusOf(node, key)).toBe(401);
  } finally {
    controlPlane.resume();
  }
});

test('the old secret of a rotated key is accepted within its grace and not after', async () => {
  const old = await admin.createKey('rotated', 'c');
  await untilStatus(old, 200);
  const grace = 3;
  const rotatedAt = Date.now();
  const { secret } = await admin.keys.rotateKey({ name: 'rotated', grace: { seconds: BigInt(grace) } });
  await untilStatus(secret, 200);
  expect(await statusOf(nodes[0], old)).toBe(200);
  await waitFor('the grace ends', async () => (await statusOf(nodes[0], old)) === 401);
  expect(Date.now() - rotatedAt).toBeGreaterThanOrEqual(grace * 1000 - 50);
  expect(await statusOf(nodes[1], old)).toBe(401);
  expect(await statusOf(nodes[1], secret)).toBe(200);

  const next = await admin.keys.rotateKey({ name: 'rotated', grace: {} });
  await untilStatus(next.secret, 200);
  await untilStatus(secret, 401);
});

test('a key has limits of its own, which gatewayctl gives it and shows', async () => {
  const limits = `  rateLimits: [{ name: each, by: [apiKey], tokenBucket: { requests: 1, per: 1h } }]`;
  await admin.apply(keyedRoute(origin.address, limits));
  const own = '{ name: each, tokenBucket: { requests: 2, per: 1h } }';
  const key = (await controlPlane.ctlOk(['keys', 'create', 'own', '--consumer', 'c', '--rate-limit', own])).trim();
  const [node] = nodes;
  const answers: number[] = [];
  await waitFor('the node has key and limit', async () => {
    answers.push(await statusOf(node, key));
    return answers.at(-1) === 429;
  });
  expect(answers.filter((status) => status === 200).length).toBeGreaterThanOrEqual(2);
  const other = await admin.createKey('other', 'c');
  await waitFor('the node has the other key', async () => (await statusOf(node, other)) !== 401);
  expect(await statusOf(node, other)).toBe(429);
  const listed = JSON.parse(await controlPlane.ctlOk(['keys', 'list', '-o', 'json'])) as { name: string }[];
  expect(listed.find(({ name }) => name === 'own')).toMatchObject({
    rateLimits: [{ name: 'each', tokenBucket: { requests: 2, per: '1h' } }],
  });
  for (const [limit, code, message] of [
    ['each=5', 2, "argument 'each=5' is invalid"],
    ['{ name: each, tokenBucket: { request: 2 } }', 2, 'tokenBucket.request: unknown field "request"'],
    ['{ name: each, tokenBucket: { requests: 0, per: 1h } }', 1, 'rate_limits[0].token_bucket.requests: must be'],
  ] as const) {
    const refused = await controlPlane.ctl(['keys', 'create', '--consumer', 'c', '--rate-limit', limit]);
    expect({ limit, code: refused.code, stderr: refused.stderr.includes(message) || refused.stderr }).toEqual({
      ...{ limit, code, stderr: true },
    });
  }
  await admin.apply(keyedRoute(origin.address));
});

test('what cannot be the name of a key is said in words', async () => {
  await expect(admin.keys.createKey({ name: 'Not_A_Name', consumer: 'c' })).rejects.toMatchObject({
    code: 'invalid_argument',
    rawMessage:
      'name: must be a DNS label: at most 63 of a-z, 0-9 and "-", beginning and ending with a letter or digit',
  });
});
