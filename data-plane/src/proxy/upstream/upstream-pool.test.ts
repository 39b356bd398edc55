import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { EndpointPlan, ServicePlan } from '@sluice/engine';
import { describe, expect, test } from 'vitest';
import { attachShared, createSharedRegion, createSlotDirectory, releaseWorker } from '../../shared/index.ts';
import { eventually } from '../testing/eventually.ts';
import { TimerWheel } from '../timer-wheel.ts';
import { MAX_LIFETIME_MS } from './endpoint-pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';
import { UpstreamPools } from './upstream-pool.ts';

const FIRST_SLOT = 2;

/** The pools of all workers of a node, in one thread, and an endpoint that accepts every connection. */
async function startNode(workers: number, connections: Partial<ServicePlan> = {}) {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => undefined).resume());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const region = createSharedRegion({ workers });
  const endpoint: EndpointPlan = {
    ...{ address: `127.0.0.1:${port}`, host: '127.0.0.1', port, weight: 1, zone: '', priority: 0, slot: FIRST_SLOT },
  };
  const service: ServicePlan = {
    ...{
      name: 's',
      slot: FIRST_SLOT,
      enabled: true,
      endpoints: [endpoint],
      isDiscovered: false,
      balancer: { kind: 'leastRequest' },
    },
    ...{ outliers: undefined, slowStartMs: 0, preferredZone: undefined },
    ...{ panicPercent: 50, healthCheck: undefined, breaker: undefined, connectTimeoutMs: 5_000, idleTimeoutMs: 60_000 },
    ...{ connectionsPerEndpoint: 4, pendingRequests: 1_000, maxConcurrentRequests: 0, ...connections },
  };
  const main = attachShared(region);
  const each = Array.from({ length: workers }, (_, worker) => {
    const shared = attachShared(region, worker);
    const wheel = new TimerWheel(shared.clock);
    return { shared, wheel, pools: new UpstreamPools(shared, wheel) };
  });
  const now = () => main.clock.nowMs();
  return {
    ...{ main, each, endpoint, service, accepted, now },
    take: (worker: number) => each[worker]!.pools.take(endpoint, service, now()),
    /** Takes a connection as a request does; undefined where too many wait. */
    async acquire(worker: number): Promise<UpstreamConnection | undefined> {
      const { pools } = each[worker]!;
      const taken = pools.take(endpoint, service, now());
      if (taken !== undefined) return taken;
      const { promise, resolve } = Promise.withResolvers<UpstreamConnection>();
      const waits = pools.enqueue({ waitsFor: endpoint, wantsNew: false, onConnection: resolve }, service, now());
      return waits ? promise : undefined;
    },
    open: () => main.columns.connections.total(FIRST_SLOT),
    waiting: () => main.columns.pending.total(FIRST_SLOT),
    async [Symbol.asyncDispose]() {
      for (const { pools, wheel } of each) {
        pools.close();
        wheel.close();
      }
      for (const socket of accepted) socket.destroy();
      server.close();
    },
  };
}

describe('the cap on connections to one endpoint', () => {
  test.each([
    [1, 1],
    [1, 4],
    [2, 1],
    [2, 4],
    [2, 5],
    [4, 2],
  ])('of %i workers and a cap of %i: the node opens n-1 and n, and not n+1, whoever asks', async (workers, cap) => {
    for (let first = 0; first < workers; first++) {
      await using node = await startNode(workers, { connectionsPerEndpoint: cap });
      for (let n = 0; n < cap; n++) expect(node.take((first + n) % workers)).toBeDefined();
      expect(node.open()).toBe(cap);
      for (let worker = 0; worker < workers; worker++) expect(node.take(worker)).toBeUndefined();
      expect(node.open()).toBe(cap);
    }
  });

  test('one worker may have all of it while no other wants any', async () => {
    await using node = await startNode(4, { connectionsPerEndpoint: 8 });
    for (let n = 0; n < 8; n++) expect(node.take(2)).toBeDefined();
    expect(node.take(2)).toBeUndefined();
  });

  test('a worker with an idle connection closes it for a request that waits at another', async () => {
    await using node = await startNode(2, { connectionsPerEndpoint: 1 });
    const first = (await node.acquire(0)) as UpstreamConnection;
    first.giveBack(node.now());
    expect(node.open()).toBe(1);
    const second = (await node.acquire(1)) as UpstreamConnection;
    expect([first.usable, second.usable, node.open(), node.waiting()]).toEqual([false, true, 1, 0]);
  });

  test('a worker that has more than its share passes on what comes back, though its own requests wait too', async () => {
    await using node = await startNode(2, { connectionsPerEndpoint: 4 });
    const held = await Promise.all(Array.from({ length: 4 }, () => node.acquire(0)));
    const own = Array.from({ length: 4 }, () => node.acquire(0));
    const others = [node.acquire(1), node.acquire(1)];
    await eventually(() => node.waiting() === 6, 'six wait');
    held[0]!.giveBack(node.now());
    const one = await others[0];
    held[1]!.giveBack(node.now());
    const two = await others[1];
    expect([one!.usable, two!.usable, node.waiting()]).toEqual([true, true, 4]);
    // Each has its share: from here on each serves its own.
    held[2]!.giveBack(node.now());
    expect(await own[0]).toBe(held[2]);
    expect(node.open()).toBe(4);
  });

  test.each([
    [2, 1],
    [3, 2],
    [4, 5],
    [3, 7],
  ])(
    '%i workers with a cap of %i under requests without end: never more, and every request gets its turn',
    async (workers, cap) => {
      await using node = await startNode(workers, { connectionsPerEndpoint: cap });
      const done = Array.from({ length: workers }, () => 0);
      let most = 0;
      const request = async (worker: number, n: number) => {
        const connection = (await node.acquire(worker)) as UpstreamConnection;
        most = Math.max(most, node.open());
        await new Promise((resolve) => setTimeout(resolve, n % 3));
        done[worker]! += 1;
        if (n % 5 === 0) connection.destroy();
        else connection.giveBack(node.now());
      };
      const client = async (worker: number) => {
        for (let n = 0; n < 40; n++) await request(worker, n);
      };
      await Promise.all(Array.from({ length: workers * 4 }, (_, n) => client(n % workers)));
      expect(done).toEqual(Array.from({ length: workers }, () => 160));
      expect(most).toBeLessThanOrEqual(cap);
      expect(node.waiting()).toBe(0);
      expect(node.main.columns.waiting.total(FIRST_SLOT)).toBe(0);
    },
    30_000,
  );

  test('what a worker that died had is free for those who wait at others', async () => {
    await using node = await startNode(2, { connectionsPerEndpoint: 1 });
    await node.acquire(0);
    const waits = node.acquire(1);
    const directory = createSlotDirectory(node.main.region);
    directory.endpoints.assign('s/endpoint');
    directory.services.assign('s');
    expect(node.waiting()).toBe(1);
    releaseWorker(node.main, directory, 0);
    expect((await waits)?.usable).toBe(true);
    releaseWorker(node.main, directory, 1);
    expect([node.open(), node.waiting(), node.main.columns.waiting.total(FIRST_SLOT)]).toEqual([0, 0, 0]);
  });

  test('that is raised lets those go on who wait, and that is lowered closes what is idle, though no request comes any more', async () => {
    await using node = await startNode(2, { connectionsPerEndpoint: 1 });
    const held = (await node.acquire(0)) as UpstreamConnection;
    const waits = [node.acquire(0), node.acquire(1)];
    await eventually(() => node.waiting() === 2, 'two wait');
    const change = (connectionsPerEndpoint: number) => {
      for (const { pools } of node.each) {
        pools.retain(new Map([[FIRST_SLOT, { ...node.service, connectionsPerEndpoint }]]));
        pools.keepHouse(node.now());
      }
    };
    change(4);
    for (const connection of await Promise.all(waits)) connection!.giveBack(node.now());
    held.giveBack(node.now());
    expect(node.open()).toBe(3);
    change(1);
    expect(node.open()).toBe(1);
  });

  test('that is lowered closes what is idle first', async () => {
    await using node = await startNode(1, { connectionsPerEndpoint: 4 });
    const held = await Promise.all(Array.from({ length: 4 }, () => node.acquire(0)));
    for (const connection of held.slice(1)) connection!.giveBack(node.now());
    const { pools } = node.each[0]!;
    const lowered = { ...node.service, connectionsPerEndpoint: 2 };
    expect(pools.take(node.endpoint, lowered, node.now())).toBe(held[3]);
    pools.keepHouse(node.now());
    expect(held.map((connection) => connection!.usable)).toEqual([true, false, false, true]);
  });
});

describe('requests that wait', () => {
  test.each([1, 2, 3])('n-1 and n may, not n+1, on a node of %i workers', async (workers) => {
    await using node = await startNode(workers, { connectionsPerEndpoint: 1, pendingRequests: 3 });
    const held = await node.acquire(0);
    const waits = [0, 1, 2].map((n) => node.acquire(n % workers));
    await eventually(() => node.waiting() === 3, 'three wait');
    for (let worker = 0; worker < workers; worker++) expect(await node.acquire(worker)).toBeUndefined();
    expect(node.waiting()).toBe(3);
    held!.giveBack(node.now());
    (await Promise.race(waits))!.giveBack(node.now());
    await eventually(() => node.waiting() < 3, 'there is room again');
  });

  test('are served in the order in which they came, before any that comes later', async () => {
    await using node = await startNode(1, { connectionsPerEndpoint: 1 });
    const held = (await node.acquire(0)) as UpstreamConnection;
    const order: number[] = [];
    const waits = [0, 1, 2].map((n) => node.acquire(0).then(() => order.push(n)));
    for (let n = 0; n < 3; n++) {
      held.giveBack(node.now());
      expect(node.take(0)).toBeUndefined();
      await waits[n];
    }
    expect(order).toEqual([0, 1, 2]);
  });

  test('for a new connection get no other, and make room for it where they must', async () => {
    await using node = await startNode(1, { connectionsPerEndpoint: 1 });
    const { pools } = node.each[0]!;
    const used = (await node.acquire(0)) as UpstreamConnection;
    const { promise, resolve } = Promise.withResolvers<UpstreamConnection>();
    expect(pools.takeNew(node.endpoint, node.service, node.now())).toBeUndefined();
    pools.enqueue({ waitsFor: node.endpoint, wantsNew: true, onConnection: resolve }, node.service, node.now());
    used.giveBack(node.now());
    const fresh = await promise;
    expect([used.usable, fresh === used, fresh.completed]).toEqual([false, false, 0]);
    fresh.giveBack(node.now());
    expect(pools.takeNew(node.endpoint, node.service, node.now())).not.toBe(fresh);
    expect([fresh.usable, node.open()]).toEqual([false, 1]);
  });
});

describe('connections that are kept', () => {
  test('are used again last first, and no more once they were idle for too long', async () => {
    await using node = await startNode(1, { idleTimeoutMs: 1_000 });
    const [a, b, c] = await Promise.all([node.acquire(0), node.acquire(0), node.acquire(0)]);
    const at = node.now();
    for (const [index, connection] of [a, b, c].entries()) connection!.giveBack(at + index);
    const { pools } = node.each[0]!;
    expect(pools.take(node.endpoint, node.service, at + 3)).toBe(c);
    pools.keepHouse(at + 1_000);
    expect([a!.usable, b!.usable]).toEqual([false, true]);
    expect(pools.take(node.endpoint, node.service, at + 1_001)).not.toBe(b);
    expect(b!.usable).toBe(false);
  });

  test('have a lifetime of three quarters of an hour to an hour, in use or idle', async () => {
    await using node = await startNode(1, { idleTimeoutMs: 10 * MAX_LIFETIME_MS, connectionsPerEndpoint: 64 });
    const opened = node.now();
    const all = await Promise.all(Array.from({ length: 64 }, () => node.acquire(0)));
    const used = all.pop() as UpstreamConnection;
    for (const connection of all) connection!.giveBack(opened);
    const usable = () => all.filter((connection) => connection!.usable).length;
    const { pools } = node.each[0]!;
    pools.keepHouse(opened + 0.74 * MAX_LIFETIME_MS);
    expect(usable()).toBe(63);
    pools.keepHouse(opened + 0.875 * MAX_LIFETIME_MS);
    expect(usable()).toBeGreaterThan(10);
    expect(usable()).toBeLessThan(53);
    pools.keepHouse(opened + MAX_LIFETIME_MS + 1_000);
    expect(usable()).toBe(0);
    used.giveBack(opened + MAX_LIFETIME_MS + 1_000);
    expect(used.usable).toBe(false);
  });

  test('are all given up when an endpoint seems to have vanished, and none where another was answered meanwhile', async () => {
    await using node = await startNode(1);
    const [a, b] = (await Promise.all([node.acquire(0), node.acquire(0)])) as [UpstreamConnection, UpstreamConnection];
    const { pools } = node.each[0]!;
    a.giveBack(node.now());
    const sent = node.now() + 10;
    b.giveBack(sent + 10);
    pools.suspect(node.endpoint, sent);
    expect([a.usable, b.usable]).toEqual([true, true]);
    pools.suspect(node.endpoint, sent + 20);
    expect([a.usable, b.usable]).toEqual([false, false]);
  });

  test('that the other end resets while they are idle are gone before anyone takes them', async () => {
    await using node = await startNode(1);
    const connection = (await node.acquire(0)) as UpstreamConnection;
    await eventually(() => connection.connected && node.accepted.length === 1, 'connected');
    connection.giveBack(node.now());
    node.accepted[0]!.resetAndDestroy();
    await eventually(() => node.open() === 0, 'the pool let go of it');
    expect(connection.usable).toBe(false);
  });
});
