import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CannotBuild } from '@sluice/engine';
import { ApiKeySchema } from '@sluice/proto';
import { createKeyMemory, KeyReader, KeyStaging, KeyStore } from '../../data-plane/src/shared/index.ts';

const LOOKUPS = 500_000;
const LOOKUPS_OF_A_ROUND = 50_000;
const HASH_BYTES = 32;

/** How much memory so many keys take, and how long it takes to find one by the hash of its secret, over all of them in disorder. */
export async function measureLookups(keys: number): Promise<{ nanoseconds: number; bytesPerKey: number }> {
  const memory = createKeyMemory();
  const store = new KeyStore(memory, { hashKey: [1, 2], build: () => new CannotBuild('it is not plain') });
  const staging = new KeyStaging(store, true);
  for (let i = 0; i < keys; i++) {
    const name = `key-${i}`;
    const key = { name, consumer: 'app', hash: hashOf(i), prefix: `slk_${String(i).padStart(8, '0')}`, enabled: true };
    const createdAt = { seconds: 1_795_000_000n, nanos: 123_000_000 };
    const content = toBinary(ApiKeySchema, create(ApiKeySchema, { ...key, createdAt }));
    staging.put({ kind: 'ApiKey', name, content });
  }
  await staging.apply();
  const reader = new KeyReader(memory, () => undefined);
  // One after the other in one buffer, so that none has to be fetched from where it was left: a node has just made the one it looks for.
  const wanted = Buffer.concat(Array.from({ length: LOOKUPS }, (_, i) => hashOf((i * 7919) % keys)));
  const hash = Buffer.alloc(HASH_BYTES);
  const find = (i: number): unknown => {
    for (let at = 0; at < HASH_BYTES; at++) hash[at] = wanted[i * HASH_BYTES + at]!;
    return reader.find(hash);
  };
  let nanoseconds = Number.POSITIVE_INFINITY;
  // Others use the machine, its caches and its memory too: what a lookup takes is what it took when they did so least.
  for (let from = 0; from < LOOKUPS; from += LOOKUPS_OF_A_ROUND) {
    const before = process.threadCpuUsage();
    for (let i = from; i < from + LOOKUPS_OF_A_ROUND; i++) {
      if (find(i) === undefined) throw new Error('a key was not found');
    }
    const { user, system } = process.threadCpuUsage(before);
    nanoseconds = Math.min(nanoseconds, ((user + system) * 1000) / LOOKUPS_OF_A_ROUND);
  }
  return { nanoseconds, bytesPerKey: memory.byteLength / keys };
}

function hashOf(index: number): Buffer {
  return createHash('sha256').update(`secret ${index}`).digest();
}
