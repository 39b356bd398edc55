/** API keys on their way from the parts of an update into the store of a node, to its cache on disk, and back. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { hashItem, type Log, SetDigest, type TrackItem } from '@sluice/engine';
import { NackReason, Track, type Update, UpdateSchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyItem, newKeys, secretHash, strangeItem } from '../shared/api-keys/testing/keys.ts';
import { KeyRestore, KeyStaging, type KeyStore } from '../shared/index.ts';
import { NodeCache } from './cache/node-cache.ts';
import { Persistence } from './persistence.ts';
import { OneThreadNode } from './testing/one-thread-node.ts';
import { TurnWatch } from './testing/turn-watch.ts';
import type { UpdateRefusal } from './track.ts';
import { UpdateAssembly } from './update-assembly.ts';

const HISTORY = 'h';
const silent: Log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };

interface Change {
  readonly puts?: readonly TrackItem[];
  readonly removals?: readonly string[];
}

/** What a control plane has of keys, and the updates it sends of them. */
class Source {
  readonly keys = new Map<string, TrackItem>();
  /** The digest of each version. */
  readonly digests = [digestOf([])];
  version = 1;

  /** The next version, in parts of so many items. */
  change({ puts = [], removals = [] }: Change, partItems: number): Update[] {
    for (const name of removals) this.keys.delete(name);
    for (const item of puts) this.keys.set(item.name, item);
    const from = this.version++;
    this.digests.push(digestOf(this.keys.values()));
    const gone = removals.map((name) => ({ kind: 'ApiKey', name }));
    return this.#parts({ fromRevision: BigInt(from), snapshot: false }, puts, gone, partItems);
  }

  snapshot(partItems: number): Update[] {
    return this.#parts({ snapshot: true, forced: true }, [...this.keys.values()], [], partItems);
  }

  #parts(
    kind: { snapshot: boolean; forced?: boolean; fromRevision?: bigint },
    items: readonly TrackItem[],
    removals: readonly { kind: string; name: string }[],
    partItems: number,
  ): Update[] {
    const digest = this.digests.at(-1)!;
    const position = { track: Track.FACTS, historyId: HISTORY, revision: BigInt(this.version), digest, ...kind };
    const count = Math.max(1, Math.ceil(Math.max(items.length, removals.length) / partItems));
    return Array.from({ length: count }, (_, i) => {
      const [from, to] = [i * partItems, (i + 1) * partItems];
      const part = { upserts: items.slice(from, to), removals: removals.slice(from, to), more: i + 1 < count };
      return create(UpdateSchema, { ...position, ...part });
    });
  }
}

/** A node from its stream to its disk, with nothing between them left out. */
class Rig implements AsyncDisposable {
  readonly node = new OneThreadNode([]);
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-keys-'));
  readonly cache: NodeCache;
  readonly assembly: UpdateAssembly;
  readonly #persistence: Persistence;

  constructor() {
    const { activation } = this.node;
    this.assembly = new UpdateAssembly((isSnapshot) => new KeyStaging(this.keys, isSnapshot));
    this.cache = openCache(this.directory, () => this.#persistence.snapshot());
    this.#persistence = new Persistence(this.cache, activation);
  }

  static async start(): Promise<Rig> {
    const rig = new Rig();
    await rig.node.start();
    await rig.cache.load(new KeyRestore(newKeys().store));
    await new Promise<void>((resolve) => rig.cache.rewrite(resolve));
    return rig;
  }

  get keys(): KeyStore {
    return this.node.activation.facts.keys!;
  }

  /** As the watch of a node does it. */
  async send(parts: readonly Update[]): Promise<UpdateRefusal | undefined> {
    let refusal: UpdateRefusal | undefined;
    for (const part of parts) {
      const update = this.assembly.add(part);
      if (update === undefined) continue;
      if (update === 'too large') throw new Error(update);
      refusal = await this.node.activation.apply(update);
      if (refusal === undefined) this.#persistence.save(update);
    }
    return refusal;
  }

  async close(): Promise<void> {
    await this.cache.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.node[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true });
  }
}

function openCache(directory: string, snapshot: ConstructorParameters<typeof NodeCache>[0]['snapshot']): NodeCache {
  return new NodeCache({ directory, group: 'default', log: silent, snapshot });
}

/** What a node would start with alone: the version of its facts, and its keys. */
async function restored(directory: string): Promise<{ version: number; keys: string[] } | undefined> {
  const { store } = newKeys();
  const cache = openCache(directory, () => ({ historyId: HISTORY, records: [] }));
  const state = await cache.load(new KeyRestore(store));
  return state && { version: state.facts.revision, keys: latestOf(store) };
}

function latestOf(store: KeyStore): string[] {
  const pinned = store.pin();
  const texts = [...pinned.latest()].map(textOf).sort();
  pinned.release();
  return texts;
}

function textOf({ name, content }: TrackItem): string {
  return `${name} ${Buffer.from(content).toString('base64')}`;
}

function textsOf(source: Source): string[] {
  return [...source.keys.values()].map(textOf).sort();
}

function digestOf(items: Iterable<TrackItem>): Uint8Array<ArrayBuffer> {
  return SetDigest.of([...items].map(({ kind, name, content }) => hashItem(kind, name, content))).bytes();
}

/** Of the processor, for this thread. */
function manyKeys(count: number, secret: string): TrackItem[] {
  return Array.from({ length: count }, (_, i) => keyItem(`key-${i}`, { hash: secretHash(`${secret} ${i}`) }));
}

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const key = fc.record({ name, secret: fc.constantFrom('s1', 's2'), strange: fc.boolean() });
const step = fc.record({
  snapshot: fc.nat(5).map((n) => n === 0),
  puts: fc.uniqueArray(key, { selector: (each) => each.name, maxLength: 4 }),
  removals: fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
  partItems: fc.integer({ min: 1, max: 3 }),
  /** The next one is sent before this one is active. */
  overtaken: fc.boolean(),
});

describe('API keys that come and go in parts', () => {
  test('any deltas and snapshots, however they are cut and follow each other, leave in memory and on disk what a map says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 8 }), async (steps) => {
        await using rig = await Rig.start();
        const source = new Source();
        const sent: Promise<UpdateRefusal | undefined>[] = [];
        for (const { snapshot, puts, removals, partItems, overtaken } of steps) {
          const items = puts.map(({ name: of, secret, strange }) =>
            strange ? strangeItem(of) : keyItem(of, { hash: secretHash(secret) }),
          );
          const gone = removals.filter((each) => source.keys.has(each) && !puts.some((put) => put.name === each));
          const delta = source.change({ puts: items, removals: gone }, partItems);
          // What a snapshot repeats is compared with what there is when it begins: a control plane sends it when it has heard of all before
          // it.
          if (snapshot) await Promise.all(sent);
          sent.push(rig.send(snapshot ? source.snapshot(partItems) : delta));
          if (!overtaken) await Promise.all(sent);
        }
        expect(await Promise.all(sent)).toEqual(steps.map(() => undefined));
        expect(latestOf(rig.keys)).toEqual(textsOf(source));
        await rig.close();
        expect(await restored(rig.directory)).toEqual({ version: source.version, keys: textsOf(source) });
      }),
      { numRuns: 25 },
    );
  });

  test('a log that ends anywhere in a change of many parts gives back all of the change before it', async () => {
    await using rig = await Rig.start();
    const source = new Source();
    const texts = [textsOf(source)];
    for (const secret of ['first', 'second']) {
      expect(await rig.send(source.change({ puts: manyKeys(700, secret) }, 300))).toBeUndefined();
      texts.push(textsOf(source));
    }
    await rig.close();
    const log = join(rig.directory, readdirSync(rig.directory).find((file) => file.endsWith('.log'))!);
    const bytes = readFileSync(log);
    let cuts = 0;
    for (let length = bytes.length; length > 0; length -= 1973) {
      writeFileSync(log, bytes);
      truncateSync(log, length);
      const { version, keys } = (await restored(rig.directory))!;
      expect(keys).toEqual(texts[version - 1]);
      if (version < source.version) cuts++;
    }
    expect(cuts).toBeGreaterThan(10);
  });

  test('a change of twenty thousand keys is made in slices, between which others have their turn, and delays no request for long', async () => {
    await using rig = await Rig.start();
    const source = new Source();
    await rig.send(source.change({ puts: manyKeys(20_000, 'before') }, 500));
    const parts = source.change({ puts: manyKeys(20_000, 'after') }, 500);
    const update = parts.map((part) => rig.assembly.add(part)).at(-1);
    if (update === undefined || update === 'too large') throw new Error('there is no update');
    using turns = new TurnWatch();
    expect(await rig.node.activation.apply(update)).toBeUndefined();
    expect(turns.longestShare).toBeLessThan(1 / 3);
  });

  test('a snapshot that began before a delta was made, and what a stream left half sent, change nothing', async () => {
    await using rig = await Rig.start();
    const source = new Source();
    await rig.send(source.change({ puts: manyKeys(300, 'first') }, 100));
    const snapshot = source.snapshot(100);
    const delta = source.change({ puts: manyKeys(300, 'second') }, 100);
    const late = new UpdateAssembly((isSnapshot) => new KeyStaging(rig.keys, isSnapshot));
    for (const part of snapshot.slice(0, -1)) late.add(part);
    expect(await rig.send(delta)).toBeUndefined();
    const update = late.add(snapshot.at(-1)!);
    if (update === undefined || update === 'too large') throw new Error('there is no update');
    expect(await rig.node.activation.apply(update)).toMatchObject({ reason: NackReason.WORKERS });
    const bytesBefore = rig.keys.memory.buffer.byteLength;
    for (let i = 0; i < 50; i++) {
      const half = source.snapshot(100);
      for (const part of half.slice(0, -1)) rig.assembly.add(part);
      rig.assembly.drop();
    }
    expect(latestOf(rig.keys)).toEqual(textsOf(source));
    expect(rig.keys.memory.buffer.byteLength).toBeLessThanOrEqual(bytesBefore + 1024 * 1024);
  });

  test('parts of two updates are not put together, and a delta that names a key twice has another digest than it says', async () => {
    await using rig = await Rig.start();
    const source = new Source();
    const [first] = source.change({ puts: manyKeys(4, 'first') }, 2);
    const second = source.change({ puts: manyKeys(4, 'second') }, 2);
    rig.assembly.add(first!);
    expect(() => rig.assembly.add(second[0]!)).toThrow('amid those of 2');
    rig.assembly.drop();
    const other = new Source();
    const twice = other.change({ puts: [keyItem('a'), keyItem('a', { hash: secretHash('b') })] }, 9);
    expect(await rig.send(twice)).toMatchObject({ reason: NackReason.DIGEST });
    expect(latestOf(rig.keys)).toEqual([]);
  });

  test('rotated again and again, keys take no more memory than with the two generations that may be read', async () => {
    await using rig = await Rig.start();
    const source = new Source();
    const sizes: number[] = [];
    for (let round = 0; round < 8; round++) {
      expect(await rig.send(source.change({ puts: manyKeys(3_000, `round ${round}`) }, 500))).toBeUndefined();
      await new Promise<void>((resolve) => rig.cache.rewrite(resolve));
      sizes.push(rig.keys.memory.buffer.byteLength);
    }
    expect(sizes.slice(3)).toEqual(sizes.slice(3).map(() => sizes[3]));
  });
});
