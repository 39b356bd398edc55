/** Whatever happens to its cache, a node serves something whole or says that it is not ready; and what it cannot write it tells. */
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type CacheHeader, CacheRecordSchema } from '@sluice/proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Admin, connectAdmin } from '../harness/admin.ts';
import { type ControlPlane, startControlPlane } from '../harness/control-plane.ts';
import { freePort } from '../harness/free-port.ts';
import { type Node, type NodeOptions, startNode } from '../harness/node.ts';
import { numberedConfig, readNumber } from '../harness/numbered-config.ts';
import { type Origin, startOrigin } from '../harness/origin.ts';
import { connectRaw } from '../harness/raw-client.ts';
import { mountSmallDisk } from '../harness/small-disk.ts';
import { makeTempDir, type TempDir } from '../harness/temp-dir.ts';
import { waitFor } from '../harness/wait-for.ts';

const stack = new AsyncDisposableStack();
let controlPlane: ControlPlane;
let admin: Admin;
let origins: [Origin, Origin];
/** A cache of two generations: the first has revision 1 as its base and a log to 2, the second 3 and a log to 4. */
let template: TempDir;

const apply = (n: number) => admin.applyActive(numberedConfig(n, [origins[0].address, origins[1].address]));

beforeAll(async () => {
  controlPlane = stack.use(await startControlPlane());
  admin = stack.use(connectAdmin(controlPlane));
  const origin = async (index: number) =>
    stack.use(await startOrigin(() => ({ headers: { 'x-origin': String(index) }, body: '{}' })));
  origins = [await origin(0), await origin(1)];
  template = stack.use(await makeTempDir('cache'));
  await apply(1);
  await using node = await startNode({ controlPlane: controlPlane.url, cacheDir: template.path });
  await untilPersisted(node, 1);
  await apply(2);
  await untilPersisted(node, 2);
  await node.stop();
  await node.start();
  await apply(3);
  await untilPersisted(node, 3);
  await apply(4);
  await untilPersisted(node, 4);
  await node.stop();
  expect(readdirSync(template.path).sort()).toEqual(['1.base', '1.log', '2.base', '2.log', 'confirmed']);
});

afterAll(() => stack.disposeAsync());

type Damage = { readonly file: string; readonly change: (path: string) => void };

const flip = (file: string): Damage => ({
  file,
  change: (path) => rewrite(path, (bytes) => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 4)),
});
const zeros = (file: string): Damage => ({ file, change: (path) => rewrite(path, (bytes) => bytes.map(() => 0)) });
const cut = (file: string, share: number): Damage => ({
  file,
  change: (path) => truncateSync(path, Math.floor(readFileSync(path).length * share)),
});
const header = (file: string, change: (header: CacheHeader) => void): Damage => ({
  file,
  change: (path) => rewrite(path, (bytes) => editHeader(bytes, change)),
});

describe('without a control plane', () => {
  test.each<[what: string, damage: readonly Damage[], revision: number, reason: RegExp]>([
    ['a bit of the newest base is flipped', [flip('2.base')], 2, /cache damaged, set aside file=2.base/],
    ['the newest base is zeros', [zeros('2.base')], 2, /cache damaged, set aside file=2.base/],
    ['the newest base is cut in half', [cut('2.base', 0.5)], 2, /set aside file=2.base reason="?cut short/],
    ['the newest base is empty', [cut('2.base', 0)], 2, /set aside file=2.base reason="no header"/],
    [
      'the newest base is of a newer format',
      [header('2.base', (each) => Object.assign(each, { format: 99 }))],
      2,
      /format 99, newer than this node's 1/,
    ],
    [
      'the newest base is of another group',
      [header('2.base', (each) => Object.assign(each, { group: 'other' }))],
      2,
      /content for the group other/,
    ],
    ['a bit of the newest log is flipped', [flip('2.log')], 3, /cache log damaged, used up to there file=2.log/],
    ['the newest log is cut short', [cut('2.log', 0.9)], 3, /serving from the cache/],
    ['the newest log is zeros', [zeros('2.log')], 3, /cache log damaged/],
  ])('%s: it serves what is whole, sets the rest aside and says so', async (_, damage, revision, reason) => {
    await using cache = await makeTempDir('cache');
    await using node = await startDamaged(cache.path, damage, `http://127.0.0.1:${await freePort()}`);
    await node.waitUntilReady();
    expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({ ready: true, revision });
    expect(await servedNumber(node)).toBe(revision);
    expect(node.process().output()).toMatch(reason);
    expect(node.process().stderr()).toBe('');
  });

  test('nothing whole is left: it is not ready, and becomes ready by itself once it reaches a control plane', async () => {
    await using cache = await makeTempDir('cache');
    const damage = [flip('1.base'), zeros('2.base')];
    await using node = await startDamaged(cache.path, damage, `${controlPlane.url},http://127.0.0.1:1`);
    await node.waitUntilReady();
    expect(await servedNumber(node)).toBe(4);
    await untilPersisted(node, 4);
    const files = readdirSync(cache.path);
    expect(files).toEqual(expect.arrayContaining(['1.base.damaged', '2.base.damaged', '3.base']));

    await using other = await makeTempDir('cache');
    await using alone = await startDamaged(other.path, damage, `http://127.0.0.1:${await freePort()}`);
    await waitFor('it refuses requests', async () => (await fetch(`${alone.url}/r`)).status === 503);
    expect(await alone.isReady()).toBe(false);
  });
});

describe('a disk that cannot be written', () => {
  const expectAlarm = async (node: Node) => {
    await waitFor('the alarm', async () => /^gateway_cache_failing 1$/m.test((await node.admin('/__metrics')).body));
    expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({
      ready: true,
      cacheFailure: expect.any(String),
    });
    expect(node.process().output()).toMatch(/ error cache cannot be written; serving from memory/);
  };
  const expectNoAlarm = async (node: Node) => {
    await waitFor('the end of the alarm', async () =>
      /^gateway_cache_failing 0$/m.test((await node.admin('/__metrics')).body),
    );
    expect(JSON.parse((await node.admin('/__ready')).body)).not.toHaveProperty('cacheFailure');
    expect(node.process().output()).toMatch(/ info cache is written again/);
  };

  test('full: the node goes on from memory with an alarm, and writes all of it once there is room', async () => {
    await using disk = await mountSmallDisk(256 * 1024);
    if (disk === undefined) return;
    await using node = await startNode({
      controlPlane: controlPlane.url,
      id: 'full',
      cacheDir: join(disk.path, 'cache'),
    });
    await untilPersisted(node, 4);
    fillDisk(disk.path);
    const revision = await apply(5);
    expect(await servedNumber(node)).toBe(5);
    // The last page may have had room for a change.
    for (let n = 6; !/cache cannot be written/.test(node.process().output()); n++) await apply(n);
    await expectAlarm(node);
    const last = JSON.parse((await node.admin('/__ready')).body) as { revision: number; persistedRevision: number };
    expect(last.revision).toBeGreaterThanOrEqual(revision);
    expect(last.persistedRevision).toBeLessThan(last.revision);
    rmSync(join(disk.path, 'filler'));
    await expectNoAlarm(node);
    await untilPersisted(node, last.revision);
    await node.kill();
    controlPlane.pause();
    try {
      await node.start();
      expect(JSON.parse((await node.admin('/__ready')).body)).toMatchObject({ revision: last.revision });
    } finally {
      controlPlane.resume();
    }
  });

  test('read-only: a node starts from it, with an alarm, and goes on', async () => {
    await using disk = await mountSmallDisk(1024 * 1024);
    if (disk === undefined) return;
    const cacheDir = join(disk.path, 'cache');
    cpSync(template.path, cacheDir, { recursive: true });
    disk.setReadOnly(true);
    await using node = await startNode({ controlPlane: controlPlane.url, id: 'read-only', cacheDir });
    await expectAlarm(node);
    const current = Number((await admin.fleet.listNodes({})).revision);
    await waitFor('it has what is current', async () => (await servedNumber(node)) === current);
    disk.setReadOnly(false);
    await expectNoAlarm(node);
    await untilPersisted(node, current);
  });
});

async function startDamaged(cacheDir: string, damage: readonly Damage[], url: string): Promise<Node> {
  cpSync(template.path, cacheDir, { recursive: true });
  for (const { file, change } of damage) change(join(cacheDir, file));
  const options: NodeOptions = { controlPlane: url, id: 'damaged', cacheDir, wait: 'alive' };
  return startNode(options);
}

async function untilPersisted(node: Node, revision: number): Promise<void> {
  await waitFor(
    `revision ${revision} is on disk`,
    async () => JSON.parse((await node.admin('/__ready')).body).persistedRevision >= revision,
  );
}

async function servedNumber(node: Node): Promise<number | string> {
  await using client = await connectRaw(node.port);
  return readNumber(await client.request({ target: '/r' }));
}

function rewrite(path: string, change: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(path, change(readFileSync(path)));
}

/** Changes the first record of a cache file, with a checksum that is right. */
function editHeader(bytes: Buffer, change: (header: CacheHeader) => void): Buffer {
  const end = 8 + bytes.readUInt32BE(0);
  const record = fromBinary(CacheRecordSchema, bytes.subarray(8, end));
  if (record.record.case !== 'header') throw new Error('a cache file begins with a header');
  change(record.record.value);
  const content = toBinary(CacheRecordSchema, record);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(content.length, 0);
  frame.writeUInt32BE(crc32(content), 4);
  return Buffer.concat([frame, content, bytes.subarray(end)]);
}

/** Writes until there is no room for a byte. */
function fillDisk(directory: string): void {
  const filler = join(directory, 'filler');
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: 'a' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
