/** The cache that nodes share in a real Redis: what one fetched serves all, what is made invalid comes back to nobody. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { gatewayctl } from '../harness/gatewayctl.ts';
import { type Link, startLink } from '../harness/link.ts';
import { startLoad } from '../harness/load.ts';
import { type Node, startNode } from '../harness/node.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { needRedis, type Redis, startRedis } from '../harness/redis.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let redis: Redis;
let link: Link;
let one: Node;
let two: Node;
let origin: Origin;
let run = 0;
let count = 0;

const manifests = (cache: string) => `
kind: Service
name: s
spec: { endpoints: [{ address: "${origin.address}" }] }
---
kind: Route
name: r
spec: { match: [{ path: { prefix: / } }], service: s, cache: { ttl: 1h, tags: [products], maxBodyBytes: 1000B${cache} } }`;

beforeAll(async () => {
  needRedis();
  controlPlane = stack.use(await startControlPlane());
  admin = stack.use(connectAdmin(controlPlane));
  [origin, redis] = await Promise.all([startOrigin(), startRedis()]);
  stack.use(origin);
  stack.use(redis);
  link = stack.use(await startLink(redis.port));
  await admin.apply(manifests(', shared: redis'));
  const started = { controlPlane: controlPlane.url };
  [one, two] = await Promise.all([
    startNode({ ...started, id: 'n1', workers: 2, args: ['--redis', `redis://127.0.0.1:${link.port}`] }),
    startNode({ ...started, id: 'n2', workers: 1, args: ['--redis', redis.url] }),
  ]);
  stack.use(one);
  stack.use(two);
});

afterAll(() => stack.disposeAsync());

beforeEach(async () => {
  count = 0;
  origin.reply = () => ({ body: String(++count) });
  for (const node of [one, two]) await isUp(node);
});

const isUp = (node: Node, up = 1) =>
  waitFor(
    `the shared cache is ${up} for ${node.id}`,
    async () => (await metric(node, 'gateway_shared_cache_up')) === up,
  );

/** The sum over all series of these labels. */
async function metric(node: Node, name: string, labels = ''): Promise<number> {
  const { body } = await node.admin('/__metrics');
  let sum = 0;
  for (const [, of = '', value] of body.matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`, 'gm')))
    if (of.includes(labels)) sum += Number(value);
  return sum;
}

type Asked = { readonly path: string; readonly method?: string; readonly headers?: Readonly<Record<string, string>> };

async function ask(node: Node, { path, method = 'GET', headers = {} }: Asked) {
  const client = await connectRaw(node.port);
  const answer = await client.request({ target: path, method, headers: { host: 'shared.test', ...headers } }, 60_000);
  client.end();
  const cache = answer.headers.find(([name]) => name.toLowerCase() === 'cache-status')?.[1] ?? '';
  return { status: answer.status, body: answer.body.toString(), cache };
}

const stores = (node: Node) => metric(node, 'gateway_shared_cache_stores_total');

/** Asks, and waits a little until what came is kept for all. */
async function fill(node: Node, asked: Asked, kept = 1) {
  const before = await stores(node);
  const answer = await ask(node, asked);
  await waitFor('it is kept', async () => (await stores(node)) >= before + kept, { deadlineMs: 500 }).catch(
    () => undefined,
  );
  return answer;
}

/**
 * What is to be seen, at the latest at the twentieth look, each under a new address: a node that stood still for 50 ms goes on without
 * Redis, and that is right.
 */
async function isSeen<T>(expected: T, look: (path: string) => Promise<T>): Promise<void> {
  let seen: T | undefined;
  for (let i = 0; i < 20 && !isDeepStrictEqual(seen, expected); i++) {
    count = 0;
    seen = await look(`/${++run}`);
  }
  expect(seen).toEqual(expected);
}

const isShared = ({ cache }: { readonly cache: string }) => cache.includes('detail=shared');

test('what one node fetched another has, with its age, and the service is asked once', async () => {
  origin.reply = () => ({
    body: String(++count),
    headers: { 'cache-control': 'max-age=600', age: '100', 'x-own': 'yes' },
  });
  await isSeen({ bodies: ['1', '1', '1'], isShared: [false, true, false], asked: 1 }, async (path) => {
    const answers = [await fill(one, { path }), await ask(two, { path }), await ask(two, { path })];
    expect(answers[1]?.cache).toMatch(/sluice; (hit; ttl=(500|49\d)|fwd)/);
    return { bodies: answers.map(({ body }) => body), isShared: answers.map(isShared), asked: count };
  });
});

test('answers that vary are found by their own request, and by no other', async () => {
  origin.reply = (request) => ({
    body: `${++count} ${request.headers.find(([name]) => name.toLowerCase() === 'accept')?.[1]}`,
    headers: { vary: 'accept' },
  });
  await isSeen(['1 a', '1 a', '2 b', '2 b'], async (path) => {
    const [a, b] = [
      { path, headers: { accept: 'a' } },
      { path, headers: { accept: 'b' } },
    ];
    const answers = [await fill(one, a, 2), await ask(two, a), await fill(two, b, 2), await ask(one, b)];
    for (const [i, { body }] of answers.entries()) expect(body.slice(2)).toBe(i < 2 ? 'a' : 'b');
    return answers.map(({ body }) => body);
  });
});

test('nothing of a request is in Redis', async () => {
  origin.reply = () => ({
    body: String(++count),
    headers: { vary: 'authorization', 'cache-control': 'public, max-age=60' },
  });
  await isSeen(['1', true], async (path) => {
    redis.command('FLUSHALL');
    const asked = { path, headers: { authorization: 'Bearer confidential' } };
    await fill(one, asked, 2);
    const keys = redis.command('KEYS', '*').split('\n');
    const all = keys.map((key) => `${key} ${key === '' ? '' : redis.command('GET', key)}`).join('\n');
    expect(all).not.toMatch(/confidential|shared\.test/);
    return [(await ask(two, asked)).body, all.includes('max-age=60')];
  });
});

test.each([
  ['route', 'r'],
  ['tag', 'products'],
] as const)('what is purged by %s comes back to no node', async (by, name) => {
  await isSeen({ before: ['1', '1'], after: ['2', '2'] }, async (path) => {
    const before = [await fill(one, { path }), await ask(two, { path })];
    const purge = await admin.fleet.purgeCache({ answers: { case: by, value: name } });
    expect(purge).toMatchObject({ nodeIds: ['n1', 'n2'], failures: [] });
    const after = [await fill(one, { path }), await ask(two, { path })];
    for (const { body } of after) expect(body).not.toBe('1');
    return { before: before.map(({ body }) => body), after: after.map(({ body }) => body) };
  });
});

test('what was asked for before a purge and came after it is kept for nobody', async () => {
  await isSeen({ bodies: ['1', '2'], forgotten: 1 }, async (path) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    origin.reply = async () => {
      const body = String(++count);
      await promise;
      return { body };
    };
    const before = await metric(one, 'gateway_shared_cache_stores_total', 'forgotten');
    const first = fill(one, { path });
    await waitFor('it is asked for', () => count === 1);
    await admin.fleet.purgeCache({ answers: { case: 'tag', value: 'products' } });
    resolve();
    const bodies = [(await first).body, (await ask(two, { path })).body];
    expect(bodies[1]).toBe('2');
    return { bodies, forgotten: (await metric(one, 'gateway_shared_cache_stores_total', 'forgotten')) - before };
  });
});

test('what a request changes is taken from Redis by nobody any longer', async () => {
  await isSeen('kept', async (path) => {
    const before = await metric(one, 'gateway_shared_cache_stores_total', 'kept');
    await fill(one, { path });
    const kept = await metric(one, 'gateway_shared_cache_stores_total', 'kept');
    expect((await ask(one, { path, method: 'DELETE' })).status).toBe(200);
    // On either worker.
    for (let i = 0; i < 4; i++) expect((await ask(one, { path })).body).not.toBe('1');
    // Redis was told by then.
    expect((await ask(two, { path })).body).not.toBe('1');
    return kept > before ? 'kept' : 'not kept';
  });
});

test('a node that was cut off while something was made invalid takes it from Redis no more', async () => {
  const path = `/${++run}`;
  await fill(one, { path });
  await link.cut();
  await isUp(one, 0);
  const purge = await gatewayctl(['cache', 'purge', '--tag', 'products'], { server: controlPlane.url });
  expect(purge).toMatchObject({ code: 1, stdout: 'purged on n2\n' });
  expect(purge.stderr).toContain(
    'not purged on n1: the node has forgotten them; Redis, where nodes share answers, is away',
  );
  expect((await ask(one, { path, method: 'PUT' })).status).toBe(200);
  await link.heal();
  await isUp(one);
  for (const node of [one, two]) expect((await ask(node, { path })).body).not.toBe('1');
});

test('an answer that may serve while the service fails does so on every node', async () => {
  const headers = { 'cache-control': 'max-age=10, stale-if-error=600', age: '11', etag: '"v1"' };
  await isSeen({ status: 200, body: '1' }, async (path) => {
    origin.reply = () => ({ body: String(++count), headers });
    await fill(one, { path });
    origin.reply = () => ({ status: 503 });
    const { status, body } = await ask(two, { path });
    return { status, body };
  });
});

test('an answer that a node asked about anew is fresh for all', async () => {
  await isSeen({ first: '1', second: '1', conditions: '"v1"', shared: true }, async (path) => {
    origin.reply = () => ({
      body: String(++count),
      headers: { 'cache-control': 'max-age=10, stale-if-error=600', age: '11', etag: '"v1"' },
    });
    await fill(one, { path });
    let conditions = '';
    origin.reply = (request) => {
      conditions = request.headers.find(([name]) => name.toLowerCase() === 'if-none-match')?.[1] ?? '';
      return { status: 304, headers: { 'cache-control': 'max-age=600', etag: '"v1"' } };
    };
    const first = (await fill(two, { path })).body;
    const second = await ask(one, { path });
    return { first, second: second.body, conditions, shared: isShared(second) };
  });
});

test('a body of maxBodyBytes is shared, and one byte more is not', async () => {
  const answered = (bytes: number) => async (path: string) => {
    origin.reply = () => ({ body: String(++count).padEnd(bytes, '.') });
    const [first, second] = [await fill(one, { path }), await ask(two, { path })];
    return [first.body.length, second.body.length, second.body[0]];
  };
  await isSeen([1000, 1000, '1'], answered(1000));
  await isSeen([1001, 1001, '2'], answered(1001));
});

describe('what is in Redis and is none of ours', () => {
  test.each<[string, (key: string) => string[][]]>([
    ['damaged', (key) => [['SETRANGE', key, '150', '!']]],
    ['cut off', (key) => [['EVAL', "redis.call('SET', KEYS[1], redis.call('GETRANGE', KEYS[1], 0, -2))", '1', key]]],
    [
      'another thing',
      (key) => [
        ['UNLINK', key],
        ['RPUSH', key, 'x'],
      ],
    ],
  ])('and %s is told, removed and served to nobody', async (_, damage) => {
    await isSeen({ body: '2', damaged: 1 }, async (path) => {
      redis.command('FLUSHALL');
      const before = await metric(two, 'gateway_shared_cache_lookups_total', 'damaged');
      await fill(one, { path });
      const key = redis.command('KEYS', 'sluice:cache:*:answer:*');
      if (key === '') return undefined as never;
      for (const command of damage(key)) redis.command(...command);
      const { body } = await fill(two, { path });
      expect(body).not.toBe('1');
      const damaged = (await metric(two, 'gateway_shared_cache_lookups_total', 'damaged')) - before;
      return { body, damaged };
    });
  });
});

test('a changed cache begins anew, and one that nodes do not share takes nothing from Redis', async () => {
  const path = `/${++run}`;
  expect((await fill(one, { path })).body).toBe('1');
  const lookups = () => metric(two, 'gateway_shared_cache_lookups_total');
  try {
    await admin.apply(manifests(''));
    const revision = await waitFor(
      'it is active',
      async () => !(await one.admin('/__routes')).body.includes('"shared"'),
    );
    expect(revision).toBe(true);
    await waitFor('it is active', async () => !(await two.admin('/__routes')).body.includes('"shared"'));
    const before = await lookups();
    expect((await ask(two, { path })).body).toBe('2');
    expect((await ask(two, { path })).body).toBe('2');
    expect(await lookups()).toBe(before);
  } finally {
    await admin.apply(manifests(', shared: redis'));
    for (const node of [one, two])
      await waitFor('it is active', async () => (await node.admin('/__routes')).body.includes('"shared"'));
  }
});

test('Redis stopped, killed, emptied and back again fails no request, and hardly any waits for it', async () => {
  let address = 0;
  const load = startLoad({
    port: two.port,
    connections: 4,
    rate: 400,
    request: () => ({ target: `/load/${run}/${address++}` }),
  });
  const kept = () => metric(two, 'gateway_shared_cache_stores_total', 'kept');
  const late = () => metric(two, 'gateway_shared_cache_lookups_total', 'late');
  const grows = async (read: () => Promise<number>) => {
    const before = await read();
    await waitFor('it grows', async () => (await read()) > before);
  };
  await grows(kept);
  const lateBefore = await late();
  redis.pause();
  await isUp(two, 0);
  await load.waitForRequests(400);
  // Those that were on their way when it was noticed, not four hundred.
  expect((await late()) - lateBefore).toBeLessThan(20);
  redis.resume();
  await grows(kept);
  await redis.kill();
  await isUp(two, 0);
  await load.waitForRequests(100);
  await redis.start();
  await grows(kept);
  redis.command('FLUSHALL');
  await grows(kept);
  redis.command('CONFIG', 'SET', 'maxmemory', '1');
  await grows(() =>
    metric(two, 'gateway_shared_cache_stores_total', 'failed').then(
      async (failed) => failed + (await metric(two, 'gateway_shared_cache_lookups_total', 'miss')),
    ),
  );
  redis.command('CONFIG', 'SET', 'maxmemory', '0');
  await grows(kept);
  const { failed, statuses } = await load.stop();
  expect({ failed, statuses: Object.keys(statuses) }).toEqual({ failed: 0, statuses: ['200'] });
});
