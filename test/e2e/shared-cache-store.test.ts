/** The protocol of the cache that nodes share, between their main threads and a real Redis. */
import { attachShared, createSharedRegion, type Shared, sharedCacheCell } from '@sluice/data-plane/shared';
import { RedisAnswers, SharedCache } from '@sluice/data-plane/shared-cache';
import { createLog } from '@sluice/engine';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Link, startLink } from '../harness/link.ts';
import { needRedis, type Redis, startRedis } from '../harness/redis.ts';
import { waitFor } from '../harness/wait-for.ts';

const FOR_MS = 600_000;
const log = createLog(
  'error',
  () => undefined,
  () => new Date(),
);

/** The main thread of a node, as its workers see it. */
class Peer implements AsyncDisposable {
  readonly link: Link;
  readonly shared: Shared;
  readonly cache: SharedCache;
  #id = 0;

  private constructor(link: Link) {
    this.link = link;
    this.shared = attachShared(createSharedRegion({ workers: 1, limiterCells: 2048 }));
    const store = new RedisAnswers(`redis://127.0.0.1:${link.port}`, () => 'history\ngroup', log);
    this.cache = new SharedCache(this.shared, store, log, 30_000);
  }

  static async start(redis: Redis): Promise<Peer> {
    const peer = new Peer(await startLink(redis.port));
    await peer.isUp();
    return peer;
  }

  isUp(): Promise<unknown> {
    return waitFor('it answers', () => this.cache.up);
  }

  async recall(key: string, cells: readonly number[], mostBytes = 1000) {
    const { promise, resolve } = Promise.withResolvers<{ epoch: string; text: string | undefined }>();
    this.cache.onCall({ type: 'recall', id: ++this.#id, key, cells, mostBytes }, (reply) => {
      if (reply.type !== 'recalled') throw new Error(reply.type);
      const { epoch, bytes } = reply;
      resolve({ epoch, text: bytes === undefined ? undefined : Buffer.from(bytes).toString() });
    });
    return await promise;
  }

  /** Once it is answered at all: a machine that stands still makes it late. */
  async recallInTime(key: string, cells: readonly number[], mostBytes = 1000) {
    return await waitFor('an answer in time', async () => {
      const recalled = await this.recall(key, cells, mostBytes);
      return recalled.epoch !== '' && recalled;
    });
  }

  async keep(key: string, cells: readonly number[], epoch: string, text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const bytes = new Uint8Array(Buffer.from(text));
    this.cache.onCall({ type: 'keep', id: ++this.#id, key, cells, epoch, forMs: FOR_MS, bytes }, () => resolve());
    await promise;
  }

  /** A worker counts, and its message comes so much later. */
  forget(cell: number, laterMs = 0): void {
    this.shared.sharedCache.forget(cell);
    const tell = () => this.cache.onCall({ type: 'forget', cells: [cell] }, () => undefined);
    if (laterMs > 0) setTimeout(tell, laterMs);
    else tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cache.close();
    await this.link[Symbol.asyncDispose]();
  }
}

let redis: Redis;
let peers: Peer[] = [];

beforeAll(async () => {
  needRedis();
  redis = await startRedis();
  peers = await Promise.all([0, 1, 2].map(() => Peer.start(redis)));
});

beforeEach(async () => {
  redis.command('FLUSHALL');
  await Promise.all(peers.map((peer) => peer.isUp()));
});

afterAll(async () => {
  for (const peer of peers) await peer[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

/** Keeps an answer; in the end it is there for another node. */
async function keepFor(text: string, key: string, cells: readonly number[]): Promise<void> {
  const [one, two] = peers as [Peer, Peer];
  await waitFor('it is kept', async () => {
    await one.keep(key, cells, (await one.recallInTime(key, cells)).epoch, text);
    return (await two.recallInTime(key, cells)).text === text;
  });
}

test('what was asked for in an epoch that is over is not kept, whoever ended it and whatever its cells', async () => {
  const [one, two] = peers as [Peer, Peer];
  const cells = [1, 2, 3];
  for (const cell of cells) {
    const key = `epoch-${cell}`;
    const { epoch } = await one.recallInTime(key, cells);
    two.forget(cell);
    await waitFor('it is told', () => two.shared.sharedCache.isForgotten(cell));
    if (cell !== 1) await two.recallInTime(key, cells);
    await one.keep(key, cells, epoch, 'old');
    expect((await one.recallInTime(key, cells)).text).toBeUndefined();
    await keepFor('new', key, cells);
    expect((await two.recallInTime(key, [1, 2, 4])).text).toBeUndefined();
  }
});

test('a Redis that comes back with an older file revives nothing', async () => {
  const [one, two] = peers as [Peer, Peer];
  await keepFor('old', 'k', [7]);
  redis.command('SAVE');
  one.forget(7);
  await waitFor('it is told', () => one.shared.sharedCache.isForgotten(7));
  await redis.kill();
  await waitFor('they noticed', () => !one.cache.up && !two.cache.up);
  await redis.start();
  expect(redis.command('KEYS', '*answer*')).not.toBe('');
  await Promise.all(peers.map((peer) => peer.isUp()));
  for (const peer of peers) expect((await peer.recallInTime('k', [7])).text).toBeUndefined();
});

test('a full Redis still gives what it has, and forgets', async () => {
  const [one, two] = peers as [Peer, Peer];
  await keepFor('there', 'k', [8]);
  redis.command('CONFIG', 'SET', 'maxmemory', '1');
  try {
    await waitFor('it is there', async () => (await two.recall('k', [8])).text === 'there');
    // No mark can be made for what is asked for the first time: nothing of it would be kept.
    expect(await two.recall('other', [9])).toEqual({ epoch: '', text: undefined });
    one.forget(8);
    await waitFor('it is told', () => one.shared.sharedCache.isForgotten(8));
    expect((await two.recall('k', [8])).text).toBeUndefined();
  } finally {
    redis.command('CONFIG', 'SET', 'maxmemory', '0');
  }
});

test('what is larger than is of use does not cross the network, and is removed', async () => {
  const [, two] = peers as [Peer, Peer];
  await keepFor('x'.repeat(100), 'k', [10]);
  expect((await two.recallInTime('k', [10], 100)).text).toHaveLength(100);
  expect((await two.recallInTime('k', [10], 99)).text).toBeUndefined();
  expect(redis.command('KEYS', '*answer*')).toBe('');
});

test('in no order of questions, answers, purges and outages is something served that a node knows to be over', async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const random = mulberry32(seed);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const tags = ['a', 'b'];
  const addresses = [0, 1, 2, 3];
  const tagOf = (address: number) => tags[address % 2]!;
  const cellsOf = (address: number) => [
    sharedCacheCell('tag', tagOf(address)),
    sharedCacheCell('address', String(address)),
  ];
  /** What the service would answer now; for each node, the oldest that may be served there. */
  const current = addresses.map(() => 1);
  const oldest = peers.map(() => addresses.map(() => 1));
  const wrong: string[] = [];
  let hits = 0;

  async function fetchAt(node: number, address: number): Promise<void> {
    const peer = peers[node]!;
    const least = oldest[node]![address]!;
    const { epoch, text } = await peer.recall(`at-${address}`, cellsOf(address));
    if (text !== undefined) {
      hits++;
      if (Number(text) < least) wrong.push(`node ${node} address ${address}: ${text} after ${least}`);
      return;
    }
    const fetched = String(current[address]);
    await new Promise((resolve) => setTimeout(resolve, random() * 30));
    if (epoch !== '') await peer.keep(`at-${address}`, cellsOf(address), epoch, fetched);
  }

  async function purgeAt(node: number, tag: string): Promise<void> {
    const changed = addresses.filter((address) => tagOf(address) === tag);
    for (const address of changed) oldest[node]![address] = ++current[address]!;
    const is = changed.map((address) => current[address]!);
    if (!(await peers[node]!.cache.purge('tag', tag))) return;
    // Redis was told: it is over for all.
    for (const other of oldest)
      for (const [i, address] of changed.entries()) other[address] = Math.max(other[address]!, is[i]!);
  }

  function changeAt(node: number, address: number): void {
    oldest[node]![address] = ++current[address]!;
    peers[node]!.forget(sharedCacheCell('address', String(address)), random() * 10);
  }

  // Of one node what is asked and what is told is on its way for a while.
  peers[0]!.link.delay(2);
  const running = new Set<Promise<void>>();
  const run = (task: Promise<void>) => {
    running.add(task);
    void task.finally(() => running.delete(task));
  };
  for (let step = 0; step < 1500; step++) {
    const node = Math.floor(random() * peers.length);
    const dice = random();
    if (dice < 0.85) run(fetchAt(node, pick(addresses)));
    else if (dice < 0.91) run(purgeAt(node, pick(tags)));
    else if (dice < 0.98) changeAt(node, pick(addresses));
    else if (dice < 0.99) peers[node]!.link.resetAll();
    else if (dice < 0.995) redis.command('FLUSHALL');
    else if (peers[node]!.cache.up) {
      await peers[node]!.link.cut();
      setTimeout(() => void peers[node]!.link.heal(), 30);
    }
    if (running.size > 40 || dice < 0.3)
      await Promise.race([...running, new Promise((resolve) => setTimeout(resolve, 2))]);
  }
  await Promise.all(running);
  peers[0]!.link.delay(0);
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(hits).toBeGreaterThan(0);
});

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
