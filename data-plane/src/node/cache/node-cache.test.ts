import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CannotBuild, hashItem, type Log, SetDigest, type TrackItem } from '@sluice/engine';
import { Track } from '@sluice/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyItem } from '../../shared/api-keys/testing/keys.ts';
import { createKeyMemory, KeyRestore, KeyStore } from '../../shared/index.ts';
import { TurnWatch } from '../testing/turn-watch.ts';
import { type CachePhase, NodeCache } from './node-cache.ts';
import { encodeRecord, type RecordInit, readRecords } from './record-frame.ts';

let directory: string;
let lines: string[];
const log: Log = {
  error: (message, fields) => lines.push(`${message} ${JSON.stringify(fields)}`),
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-cache-'));
  lines = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

function item(name: string, content: string): TrackItem {
  return { kind: 'Route', name, content: Buffer.from(content) };
}

/** A node's state in miniature: items of the config track, and no facts. */
class State {
  readonly items = new Map<string, TrackItem>();
  revision = 0;

  put(each: TrackItem): RecordInit {
    this.items.set(each.name, each);
    this.revision++;
    return {
      case: 'update',
      value: { ...this.#position(), fromRevision: BigInt(this.revision - 1), upserts: [each] },
    };
  }

  records(): RecordInit[] {
    return [
      { case: 'update', value: { ...this.#position(), upserts: [...this.items.values()], snapshot: true } },
      { case: 'update', value: { track: Track.FACTS, digest: new Uint8Array(32), snapshot: true } },
    ];
  }

  #position(): { track: Track; revision: bigint; digest: Uint8Array } {
    const hashes = [...this.items.values()].map(({ kind, name, content }) => hashItem(kind, name, content));
    return { track: Track.CONFIG, revision: BigInt(this.revision), digest: SetDigest.of(hashes).bytes() };
  }
}

function openCache(
  state: State,
  extra: { onPhase?: (phase: CachePhase) => void; compactAfterBytes?: number; group?: string } = {},
): NodeCache {
  const snapshot = () => ({ historyId: 'h', records: state.records() });
  return new NodeCache({ directory, group: 'default', log, snapshot, ...extra });
}

/** Takes the API keys of a cache that has none. */
function noKeys(): KeyRestore {
  return new KeyRestore(new KeyStore(createKeyMemory(), { hashKey: [1, 2], build: () => new CannotBuild('none') }));
}

/** Of the processor, for this thread. */
function persisted(run: (done: () => void) => void): Promise<void> {
  return new Promise(run);
}

async function write(count: number, extra = {}): Promise<State> {
  const state = new State();
  const cache = openCache(state, extra);
  await cache.load(noKeys());
  for (let index = 0; index < count; index++) {
    await persisted((done) => cache.append([state.put(item(`r${index}`, `content ${index}`))], done));
  }
  await cache.close();
  return state;
}

async function read(): Promise<{ revision: number; names: string[] } | undefined> {
  const loaded = await openCache(new State()).load(noKeys());
  return loaded && { revision: loaded.config.revision, names: loaded.config.latest.map(({ name }) => name) };
}

describe('the cache of a node', () => {
  test('gives back what was written, over many appends and compactions', async () => {
    await write(40, { compactAfterBytes: 500 });
    expect(await read()).toEqual({ revision: 40, names: Array.from({ length: 40 }, (_, index) => `r${index}`) });
    expect(readdirSync(directory).filter((name) => name.endsWith('.base'))).toHaveLength(2);
  });

  test('writes, syncs, renames and syncs the directory in that order, and calls back only then', async () => {
    const events: string[] = [];
    const state = new State();
    const cache = openCache(state, { onPhase: (phase) => events.push(phase) });
    await cache.load(noKeys());
    await persisted((done) =>
      cache.append([state.put(item('a', 'x'))], () => {
        events.push('persisted');
        done();
      }),
    );
    await persisted((done) =>
      cache.append([state.put(item('b', 'x'))], () => {
        events.push('persisted');
        done();
      }),
    );
    await cache.close();
    expect(events).toEqual([
      ...['base-write', 'base-write', 'base-write', 'base-write'],
      ...['base-sync', 'base-rename', 'directory-sync', 'persisted', 'log-append', 'log-sync', 'persisted'],
    ]);
  });

  test('a log cut short at any byte gives back the last whole change before it', async () => {
    await write(4);
    const log = join(directory, '1.log');
    const bytes = readFileSync(log);
    for (let length = bytes.length - 1; length >= 0; length--) {
      truncateSync(log, length);
      const whole = readRecords(bytes.subarray(0, length)).records.length;
      expect((await read())?.revision).toBe(1 + Math.max(0, whole - 1));
    }
    expect(lines).toEqual([]);
  });

  test.each(['base', 'log'])('a bit flipped anywhere in the %s is noticed', async (kind) => {
    await write(3);
    const [newest] = readdirSync(directory)
      .filter((name) => name.endsWith('.base'))
      .map((name) => Number.parseInt(name, 10))
      .sort((a, b) => b - a);
    const path = join(directory, `${newest}.${kind}`);
    const bytes = readFileSync(path);
    for (let at = 0; at < bytes.length; at += 3) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      const { end, records } = readRecords(flipped);
      expect(end.kind === 'complete' && records.length === readRecords(bytes).records.length).toBe(false);
    }
  });

  test('zeros after the last record, as a crash of the machine leaves them, are no records', async () => {
    await write(3);
    const log = join(directory, '1.log');
    writeFileSync(log, Buffer.concat([readFileSync(log), Buffer.alloc(64)]));
    expect((await read())?.revision).toBe(3);
    expect(lines).toEqual([expect.stringContaining('a record of 0 bytes')]);
  });

  test('a damaged base is set aside with a line, and the generation before it is used', async () => {
    await write(40, { compactAfterBytes: 500 });
    const bases = readdirSync(directory).filter((name) => name.endsWith('.base'));
    const newest = bases.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).at(-1)!;
    const path = join(directory, newest);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 4;
    writeFileSync(path, bytes);
    const revision = (await read())!.revision;
    expect(revision).toBeGreaterThanOrEqual(20);
    expect(revision).toBeLessThan(40);
    expect(lines.join()).toContain('set aside');
    expect(readdirSync(directory)).toContain(`${newest}.damaged`);
  });

  test.each([
    ['a newer format', { format: 2, group: 'default' }, 'newer than this node'],
    ['another group', { format: 1, group: 'other' }, 'the group other'],
  ])('%s is not used', async (_, header, reason) => {
    const records: RecordInit[] = [
      { case: 'header', value: { ...header, historyId: 'h', generation: 1n } },
      ...new State().records(),
    ];
    const end: RecordInit = { case: 'end', value: { records: records.length } };
    writeFileSync(join(directory, '1.base'), Buffer.concat([...records, end].map(encodeRecord)));
    expect(await read()).toBeUndefined();
    expect(lines.join()).toContain(reason);
  });

  test('a base without its end, zeros, and rubbish are not used', async () => {
    const whole = Buffer.concat(new State().records().map(encodeRecord));
    for (const bytes of [whole, Buffer.alloc(1000), Buffer.from('rubbish '.repeat(50)), Buffer.alloc(0)]) {
      writeFileSync(join(directory, '7.base'), bytes);
      expect(await read()).toBeUndefined();
    }
  });

  test('a log of another base is passed over', async () => {
    await write(2);
    writeFileSync(join(directory, '1.log'), encodeRecord({ case: 'header', value: { format: 1, generation: 9n } }));
    expect((await read())?.revision).toBe(1);
  });

  test('goes on from memory when the disk fails, says so once, and writes everything when it is back', async () => {
    const state = new State();
    const cache = openCache(state);
    await cache.load(noKeys());
    rmSync(directory, { recursive: true });
    const first = persisted((done) => cache.append([state.put(item('a', 'x'))], done));
    const second = persisted((done) => cache.append([state.put(item('b', 'x'))], done));
    await expect.poll(() => cache.failure).toBeDefined();
    expect(lines).toHaveLength(1);
    mkdirSync(directory);
    await Promise.all([first, second]);
    await expect.poll(() => cache.failure).toBeUndefined();
    await cache.close();
    expect((await read())?.names).toEqual(['a', 'b']);
  });

  test('a change of many API keys that is one record is read in slices, between which others have their turn', async () => {
    const upserts = Array.from({ length: 40_000 }, (_, i) => keyItem(`key-${i}`));
    const hashes = upserts.map(({ kind, name, content }) => hashItem(kind, name, content));
    const digest = SetDigest.of([SetDigest.of(hashes).bytes()]).bytes();
    const cache = openCache(new State());
    await cache.load(noKeys());
    await persisted((done) => cache.rewrite(done));
    await persisted((done) => cache.append([{ case: 'update', value: { track: Track.FACTS, digest, upserts } }], done));
    await cache.close();
    using turns = new TurnWatch();
    const loaded = await openCache(new State()).load(noKeys());
    expect(turns.longestShare).toBeLessThan(1 / 3);
    expect(Buffer.from(loaded!.facts.digest)).toEqual(Buffer.from(digest));
  });
});
