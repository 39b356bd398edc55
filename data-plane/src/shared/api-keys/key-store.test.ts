import type { MessageInitShape } from '@bufbuild/protobuf';
import { hashItem, SetDigest, type TrackItem } from '@sluice/engine';
import type { ApiKeySchema } from '@sluice/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KeyRestore, KeyStaging, type KeyStore, KeysFull } from './index.ts';
import { keyItem, newKeys, secretHash, strangeItem } from './testing/keys.ts';

async function change(
  store: KeyStore,
  { puts = [], removals = [] }: { puts?: readonly TrackItem[]; removals?: readonly string[] },
): Promise<void> {
  const staging = new KeyStaging(store, false);
  for (const name of removals) staging.remove(name);
  for (const item of puts) staging.put(item);
  await staging.apply();
  store.heap.reclaim(store.heap.retired);
}

async function snapshot(store: KeyStore, items: readonly TrackItem[]): Promise<void> {
  const staging = new KeyStaging(store, true);
  for (const item of items) staging.put(item);
  await staging.apply();
  store.heap.reclaim(store.heap.retired);
}

describe('API keys in shared memory', () => {
  test('a key is found by its current and, with its grace, by its previous secret', async () => {
    const { store, reader } = newKeys();
    const previous = { previousHash: secretHash('old'), previousExpiresAt: { seconds: 100n } };
    await change(store, { puts: [keyItem('k', previous), keyItem('off', { enabled: false })] });
    const found = { name: 'k', consumer: 'c', overrides: undefined };
    expect(reader.find(secretHash('k'))).toEqual({ ...found, expiresAtMs: Number.POSITIVE_INFINITY });
    expect(reader.find(secretHash('old'))).toEqual({ ...found, expiresAtMs: 100_000 });
    expect(reader.find(secretHash('off'))).toBeUndefined();
    await change(store, { puts: [keyItem('k', { expiresAt: { seconds: 7n, nanos: 5e8 }, hash: secretHash('new') })] });
    expect(['k', 'old'].map((secret) => reader.find(secretHash(secret)))).toEqual([undefined, undefined]);
    expect(reader.find(secretHash('new'))).toEqual({ ...found, expiresAtMs: 7_500 });
    await change(store, { removals: ['k'] });
    expect(reader.find(secretHash('new'))).toBeUndefined();
  });

  test('keys that share a secret do not end with each other, and the one that is good for longest counts', async () => {
    const { store, reader } = newKeys();
    const hash = secretHash('shared');
    const shared = (name: string, more: MessageInitShape<typeof ApiKeySchema> = {}) => keyItem(name, { hash, ...more });
    const name = () => reader.find(hash)?.name;
    await change(store, {
      puts: [shared('b', { expiresAt: { seconds: 9n } }), shared('a', { expiresAt: { seconds: 5n } })],
    });
    expect(name()).toBe('b');
    await change(store, { puts: [shared('a')] });
    expect(name()).toBe('a');
    await change(store, { removals: ['a'] });
    expect(name()).toBe('b');
    await change(store, { puts: [shared('b', { enabled: false })] });
    expect(name()).toBeUndefined();
    await change(store, { puts: [shared('b', { previousHash: hash, previousExpiresAt: { seconds: 5n } })] });
    expect(reader.find(hash)?.expiresAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('a key with limits of its own has them, and gives up their cells when it goes', async () => {
    const { store, reader } = newKeys();
    const algorithm = { case: 'tokenBucket' as const, value: { requests: 3, per: { seconds: 1n } } };
    await change(store, { puts: [keyItem('k', { rateLimits: [{ name: 'l', algorithm }] })] });
    expect(reader.find(secretHash('k'))?.overrides?.get('l')?.requests).toBe(3);
  });

  test('what cannot be built is held at its last good version, or refused where there is none, until it can', async () => {
    const { store, reader } = newKeys();
    await snapshot(store, [keyItem('k'), strangeItem('never')]);
    await change(store, { puts: [strangeItem('k')] });
    const known = () => ['k', 'never'].map((name) => reader.find(secretHash(name)) !== undefined);
    const held = () => Object.fromEntries(store.heldItems().map(({ name, lastGood }) => [name, lastGood]));
    expect([known(), held(), store.size]).toEqual([[true, false], { never: false, k: true }, 2]);
    expect(store.heldItems()[0]!.reason).toContain('does not know');
    expect(store.lastGoodItems().map(({ name }) => name)).toEqual(['k']);
    await snapshot(store, [strangeItem('k'), strangeItem('never')]);
    expect([known(), held()]).toEqual([[true, false], { k: true, never: false }]);
    await change(store, { puts: [keyItem('never')], removals: ['k'] });
    expect([known(), held(), store.size]).toEqual([[false, true], {}, 1]);
  });

  test('what is restored has last good versions too', () => {
    const { store, reader } = newKeys();
    const restore = new KeyRestore(store);
    for (const item of [keyItem('a'), strangeItem('b'), keyItem('c')]) restore.put(item);
    restore.remove('c');
    restore.putLastGood(keyItem('b', { hash: secretHash('before') }));
    restore.done();
    expect(['a', 'b', 'before', 'c'].map((secret) => reader.find(secretHash(secret))?.name)).toEqual([
      ...['a', undefined, 'b', undefined],
    ]);
    const latest = [keyItem('a'), strangeItem('b')];
    expect(store.digest.bytes()).toEqual(digestOf(latest));
    expect([...store.pin().latest()].map(({ name }) => name).sort()).toEqual(['a', 'b']);
    restore.clear();
    expect([store.size, reader.find(secretHash('a')), store.digest.bytes()]).toEqual([0, undefined, digestOf([])]);
  });

  test('a change that is given up leaves nothing, and one that others came before is not current', async () => {
    const { store, reader } = newKeys();
    await change(store, { puts: [keyItem('a')] });
    const given = new KeyStaging(store, true);
    given.put(keyItem('b'));
    given.discard();
    const stale = new KeyStaging(store, true);
    await change(store, { puts: [keyItem('c')] });
    expect([stale.isCurrent, store.size]).toEqual([false, 2]);
    expect(['a', 'b', 'c'].map((name) => reader.find(secretHash(name)) !== undefined)).toEqual([true, false, true]);
  });

  test('what was pinned stays as it was, whatever comes', async () => {
    const { store } = newKeys();
    const names = Array.from({ length: 300 }, (_, i) => `key-${i}`);
    await snapshot(
      store,
      names.map((name) => keyItem(name)),
    );
    const pinned = store.pin();
    await snapshot(
      store,
      names.map((name) => keyItem(`${name}x`)),
    );
    await change(store, { removals: names.map((name) => `${name}x`) });
    await change(store, { puts: names.map((name) => keyItem(`${name}y`)) });
    const items = [...pinned.latest()];
    pinned.release();
    const hexOf = ({ name, content }: TrackItem) => `${name} ${Buffer.from(content).toString('hex')}`;
    expect(items.map(hexOf).sort()).toEqual(names.map((name) => hexOf(keyItem(name))).sort());
  });

  test('more than there is room for are refused, and nothing changes; as many as there is room for are not', async () => {
    const { store, reader } = newKeys(2 * 1024 * 1024);
    // A record of four units: 64 bytes.
    const most = (1024 * 1024) / 64;
    const items = Array.from({ length: most }, (_, i) => keyItem(`key-${String(i).padStart(5, '0')}`));
    expect(8 + items[0]!.content.length).toBeLessThanOrEqual(64);
    expect(8 + items[0]!.content.length).toBeGreaterThan(48);
    await snapshot(store, items);
    expect([store.size, reader.find(secretHash(items.at(-1)!.name))?.name]).toEqual([most, items.at(-1)!.name]);
    const staging = new KeyStaging(store, false);
    expect(() => staging.put(keyItem('key-more0'))).toThrow(KeysFull);
    staging.discard();
    await change(store, { removals: [items[0]!.name] });
    await change(store, { puts: [keyItem('key-more0')] });
    expect([store.size, reader.find(secretHash('key-more0'))?.name]).toEqual([most, 'key-more0']);
  });

  test('50,000 keys take less than 150 bytes each, however they came, and no object', async () => {
    const items = (from: number) =>
      Array.from({ length: 10_000 }, (_, i) =>
        keyItem(`key-${from + i}`, {
          prefix: 'slk_01234567',
          createdAt: { seconds: 1_795_000_000n, nanos: 123_000_000 },
        }),
      );
    const { store, memory, reader } = newKeys();
    for (let from = 0; from < 50_000; from += 10_000) await change(store, { puts: items(from) });
    expect(memory.byteLength / 50_000).toBeLessThan(150);
    expect([store.size, reader.find(secretHash('key-49999'))?.name]).toEqual([50_000, 'key-49999']);
    // What was there before is used again.
    for (let round = 0; round < 3; round++) await change(store, { puts: items(0) });
    expect(memory.byteLength / 50_000).toBeLessThan(190);
  });

  test('any sequence of changes leaves what a plain map says', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    const secret = fc.constantFrom('s1', 's2', 's3', 's4');
    const key = fc.record({ name, secret, old: fc.option(secret), enabled: fc.boolean(), strange: fc.boolean() });
    const step = fc.record({
      snapshot: fc.boolean(),
      puts: fc.uniqueArray(key, { selector: (each) => each.name, maxLength: 4 }),
      removals: fc.uniqueArray(name, { maxLength: 2 }),
      discard: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { store, reader } = newKeys();
        const latest = new Map<string, TrackItem>();
        const active = new Map<string, { secrets: readonly string[] }>();
        for (const { snapshot: isSnapshot, puts, removals, discard } of steps) {
          const staging = new KeyStaging(store, isSnapshot);
          const items = puts.map(({ name: of, secret: current, old, enabled, strange }) => {
            const previous = old === null ? {} : { previousHash: secretHash(old), previousExpiresAt: { seconds: 9n } };
            const item = keyItem(of, { hash: secretHash(current), enabled, ...previous });
            const secrets = enabled ? [current, ...(old === null ? [] : [old])] : [];
            const content = strange ? Buffer.concat([item.content, Buffer.from([0xf8, 0x3f, 1])]) : item.content;
            return { item: { ...item, content }, strange, secrets };
          });
          if (!isSnapshot) for (const each of removals) staging.remove(each);
          for (const { item } of items) staging.put(item);
          if (discard) {
            staging.discard();
            continue;
          }
          const gone = isSnapshot
            ? [...latest.keys(), ...active.keys()].filter((each) => !puts.some((put) => put.name === each))
            : removals;
          for (const each of gone) {
            latest.delete(each);
            active.delete(each);
          }
          for (const { item, strange, secrets } of items) {
            latest.set(item.name, item);
            if (!strange) active.set(item.name, { secrets });
          }
          await staging.apply();
          store.heap.reclaim(store.heap.retired);
          expect(store.digest.bytes()).toEqual(digestOf(latest.values()));
          expect(store.size).toBe(latest.size);
          for (const each of ['s1', 's2', 's3', 's4']) {
            const owners = [...active].filter(([, { secrets }]) => secrets.includes(each)).map(([of]) => of);
            const found = reader.find(secretHash(each))?.name;
            if (owners.length === 0) expect(found).toBeUndefined();
            else expect(owners).toContain(found);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

function digestOf(items: Iterable<TrackItem>): Uint8Array {
  return SetDigest.of([...items].map(({ kind, name, content }) => hashItem(kind, name, content))).bytes();
}
