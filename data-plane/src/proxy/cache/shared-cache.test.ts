import { expect, test } from 'vitest';
import type { KeepCall, RecallCall } from '../../shared/index.ts';
import { eventually } from '../testing/eventually.ts';
import { simple } from '../testing/manifests.ts';
import { ProxyRig } from '../testing/proxy-rig.ts';
import type { RawPeer } from '../testing/raw-peer.ts';
import { exposed } from '../testing/request-counts.ts';
import { ANSWER, VARIANTS } from './cache-record.ts';
import { decodeShared, encodeShared, type SharedRecord } from './shared-cache-record.ts';

const FRESH = 'Cache-Control: max-age=600\r\n';
const EPOCH = 'e'.repeat(40);
const NOW = 1_800_000_000_000;
const get = (fields = '', method = 'GET', target = '/'): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

/** A node whose store is the test; its origin numbers its answers. */
class SharedRig implements AsyncDisposable {
  readonly rig: ProxyRig;
  readonly client: RawPeer;
  readonly heads: string[] = [];
  fields = FRESH;

  private constructor(rig: ProxyRig, client: RawPeer) {
    this.rig = rig;
    this.client = client;
    rig.shared.sharedCache.setAnswers(true);
    rig.origin.answer((head) => {
      const body = String(this.heads.push(head));
      return `HTTP/1.1 200 OK\r\n${this.fields}Content-Length: ${body.length}\r\n\r\n${body}`;
    });
  }

  static async start(cache: object = {}, recallMs = 60_000): Promise<SharedRig> {
    const rig = await ProxyRig.start(simple({ cache: { shared: 'redis', ...cache } }, { timeout: '5m' }), { recallMs });
    return new SharedRig(rig, await rig.connect());
  }

  get calls() {
    return this.rig.sharedCacheCalls;
  }

  async nextCall<T extends 'recall' | 'keep' | 'forget' | 'damaged'>(type: T) {
    await eventually(() => this.calls.length > 0, type);
    const call = this.calls.shift()!;
    expect(call.type).toBe(type);
    return call as Extract<(typeof this.calls)[number], { type: T }>;
  }

  reply({ id }: RecallCall, bytes?: Uint8Array<ArrayBuffer>, storeMs = NOW): void {
    this.rig.proxy.onSharedCache({ type: 'recalled', id, epoch: EPOCH, storeMs, bytes });
  }

  async ask(request = get(), client = this.client): Promise<{ head: string; body: string }> {
    client.send(request);
    return await client.takeMessage();
  }

  /** What a node would have put there: that answer, changed. */
  async record(change: Partial<SharedRecord> = {}, times: Partial<SharedRecord['times']> = {}) {
    const answer = this.ask();
    this.reply(await this.nextCall('recall'));
    await answer;
    const call = await this.nextCall('keep');
    const key = await keyOf(call);
    const record = decodeShared(Buffer.from(call.bytes.buffer), key, false)!;
    this.rig.shared.invalidations.invalidate(0);
    return encodeShared({ ...record, ...change, times: { ...record.times, ...times } });
  }

  [Symbol.asyncDispose]() {
    return this.rig[Symbol.asyncDispose]();
  }
}

/** The key is in the record, and says so. */
async function keyOf({ bytes }: KeepCall): Promise<string> {
  const buffer = Buffer.from(bytes.buffer);
  return buffer.toString('latin1', 80, 80 + buffer.readUInt32LE(16));
}

/** The first node's record, as another node finds it. */
async function foreign(
  cache: object = {},
  change: Partial<SharedRecord> = {},
  times: Partial<SharedRecord['times']> = {},
) {
  await using first = await SharedRig.start(cache);
  return await first.record(change, times);
}

test('one asks for all, and what it fetched is given to all nodes with the epoch that it asked in', async () => {
  await using at = await SharedRig.start({ tags: ['t'] });
  const others = await Promise.all([at.rig.connect(), at.rig.connect()]);
  const answers = [at.client, ...others].map((client) => at.ask(get(), client));
  const call = await at.nextCall('recall');
  expect(call.cells).toHaveLength(3);
  await eventually(() => exposed(at.rig).includes('what="cache_waits"} 2\n'), 'followers');
  expect(at.heads).toHaveLength(0);
  at.reply(call);
  expect((await Promise.all(answers)).map(({ body }) => body)).toEqual(['1', '1', '1']);
  const kept = await at.nextCall('keep');
  expect(kept).toMatchObject({ key: call.key, cells: call.cells, epoch: EPOCH });
  expect(kept.forMs).toBeGreaterThan(590_000);
  expect(kept.forMs).toBeLessThanOrEqual(600_000);
  await at.ask();
  expect(at.calls).toEqual([]);
});

test('what another node had is served with its age, and then by the node itself', async () => {
  const bytes = await foreign();
  await using at = await SharedRig.start();
  const [first, follower] = [at.ask(), at.ask(get(), await at.rig.connect())];
  const call = await at.nextCall('recall');
  at.reply(call, bytes, NOW + 100_000);
  expect((await first).head).toMatch(/\r\nage: 100\r\ncache-status: sluice; hit; ttl=(499|500); detail=shared\r\n/);
  expect((await follower).body).toBe('1');
  expect((await at.ask()).head).toMatch(/\r\nage: 100\r\ncache-status: sluice; hit; ttl=(499|500)\r\n/);
  expect(at.heads).toEqual([]);
  expect(at.calls).toEqual([]);
});

test.each<[string, Partial<SharedRecord>, number]>([
  ['the clock of the store', {}, NOW + 601_000],
  ['the clock of the node, whatever that of the store says', { unixMs: Date.now() - 601_000 }, NOW + 1000],
])('what is too old by %s is not served', async (_, change, storeMs) => {
  const bytes = await foreign({}, change);
  await using at = await SharedRig.start();
  const answer = at.ask();
  at.reply(await at.nextCall('recall'), bytes, storeMs);
  expect((await answer).head).not.toContain('detail=shared');
  expect(at.heads).toHaveLength(1);
});

test('nobody waits longer than 50 ms, and what comes later changes nothing', async () => {
  const bytes = await foreign();
  await using at = await SharedRig.start({}, 50);
  const answer = at.ask();
  const call = await at.nextCall('recall');
  expect((await answer).body).toBe('1');
  at.reply(call, bytes);
  at.fields = 'Cache-Control: no-store\r\n';
  expect((await at.ask()).head).toContain('cache-status: sluice; hit; ');
  // It was not said in which epoch it was asked for.
  expect(at.calls).toEqual([]);
  expect(exposed(at.rig)).toContain('what="shared_cache_skips"} 1\n');
});

test('one that went away keeps nobody waiting', async () => {
  await using at = await SharedRig.start();
  const gone = await at.rig.connect();
  gone.send(get());
  const call = await at.nextCall('recall');
  const answer = at.ask();
  await eventually(() => exposed(at.rig).includes('what="cache_waits"} 1\n'), 'a follower');
  gone.destroy();
  const next = await at.nextCall('recall');
  at.reply(call);
  at.reply(next);
  expect((await answer).body).toBe('1');
});

test('the names that answers vary by come first, then the answer', async () => {
  await using first = await SharedRig.start();
  first.fields = `${FRESH}Vary: x-a\r\n`;
  const answer = first.ask(get('x-a: 1\r\n'));
  first.reply(await first.nextCall('recall'));
  await answer;
  const [names, kept] = [await first.nextCall('keep'), await first.nextCall('keep')];
  await using at = await SharedRig.start();
  const second = at.ask(get('x-a: 1\r\n'));
  const asked = await at.nextCall('recall');
  expect(asked.key).toBe(names.key);
  at.reply(asked, names.bytes);
  const again = await at.nextCall('recall');
  expect(again.key).toBe(kept.key);
  at.reply(again, kept.bytes);
  expect((await second).head).toContain('detail=shared');
  const other = at.ask(get('x-a: 2\r\n'));
  const different = await at.nextCall('recall');
  expect(different.key).not.toBe(kept.key);
  at.reply(different, kept.bytes);
  expect((await other).body).toBe('1');
  expect(at.heads).toHaveLength(1);
  expect((await at.nextCall('damaged')).key).toBe(different.key);
});

test('what is stale is served while another node may have it fresh by now', async () => {
  const stale = { lifetimeMs: 10_000, initialAgeMs: 11_000, whileRevalidateMs: 600_000 };
  const [old, fresh] = [await foreign({}, {}, stale), await foreign()];
  await using at = await SharedRig.start();
  const answer = at.ask();
  at.reply(await at.nextCall('recall'), old);
  expect((await answer).head).toContain('detail=shared');
  // Just asked: the one behind it goes to the service.
  await eventually(() => at.heads.length === 1, 'it is fetched');
  expect(await at.nextCall('keep')).toMatchObject({ epoch: EPOCH });
  await using other = await SharedRig.start();
  const first = other.ask();
  other.reply(await other.nextCall('recall'), old);
  await first;
  await eventually(() => other.heads.length === 1, 'it is fetched');
  expect(fresh.length).toBeGreaterThan(0);
});

test('what is behind a stale answer of the node asks first', async () => {
  await using at = await SharedRig.start();
  at.fields = 'Cache-Control: max-age=10, stale-while-revalidate=600\r\nAge: 11\r\n';
  const answer = at.ask();
  at.reply(await at.nextCall('recall'));
  await answer;
  const kept = await at.nextCall('keep');
  const record = decodeShared(Buffer.from(kept.bytes.buffer), await keyOf(kept), false)!;
  expect((await at.ask()).body).toBe('1');
  const behind = await at.nextCall('recall');
  at.reply(behind, encodeShared({ ...record, times: { ...record.times, initialAgeMs: 0, lifetimeMs: 60_000 } }));
  await eventually(async () => /hit; ttl=(60|59)\r/.test((await at.ask()).head), 'the one of the other node');
  expect(at.heads).toHaveLength(1);
});

test('requests that want the service to be asked, and routes that share nothing, ask nobody', async () => {
  await using at = await SharedRig.start();
  await at.ask(get('Cache-Control: no-cache\r\n'));
  await at.ask(get('Range: bytes=0-1\r\n'));
  await at.ask(get('Cache-Control: only-if-cached\r\n', 'GET', '/other'));
  expect(at.calls).toEqual([]);
  await using alone = await SharedRig.start({ shared: 'unspecified' }).catch(() =>
    SharedRig.start({ shared: undefined }),
  );
  await alone.ask();
  expect(alone.calls).toEqual([]);
});

test('what a request changes is told, one message at a time', async () => {
  await using at = await SharedRig.start();
  await at.ask(get('', 'DELETE', '/a'));
  const first = await at.nextCall('forget');
  expect(first.cells).toHaveLength(1);
  expect(at.rig.shared.sharedCache.isForgotten(first.cells[0]!)).toBe(false);
  await at.ask(get('', 'DELETE', '/b'));
  await at.ask(get('', 'DELETE', '/c'));
  expect(at.calls).toEqual([]);
  at.rig.proxy.onSharedCache({ type: 'forgetting' });
  expect((await at.nextCall('forget')).cells).toHaveLength(2);
});

test.each([ANSWER, VARIANTS])('damaged bytes of kind %s are removed, and the service is asked', async (kind) => {
  const bytes = await foreign();
  bytes[12] = kind;
  bytes[90]! ^= 1;
  await using at = await SharedRig.start();
  const answer = at.ask();
  const call = await at.nextCall('recall');
  at.reply(call, bytes);
  expect((await answer).body).toBe('1');
  expect(at.heads).toHaveLength(1);
  expect((await at.nextCall('damaged')).key).toBe(call.key);
});
