import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { CannotBuild } from '@sluice/engine';
import { ApiKeySchema } from '@sluice/proto';
import { createKeyMemory, KeyReader, KeyStaging, KeyStore } from '../../data-plane/src/shared/index.ts';

const LOOKUPS = 500_000;

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
  const wanted = Array.from({ length: LOOKUPS }, (_, i) => hashOf((i * 7919) % keys));
  for (const hash of wanted.slice(0, 50_000)) reader.find(hash);
  // Of the processor, not of the clock: others use the machine too.
  const before = process.threadCpuUsage();
  for (const hash of wanted) if (reader.find(hash) === undefined) throw new Error('a key was not found');
  const { user, system } = process.threadCpuUsage(before);
  const nanoseconds = ((user + system) * 1000) / LOOKUPS;
  return { nanoseconds, bytesPerKey: memory.byteLength / keys };
}

function hashOf(index: number): Buffer {
  return createHash('sha256').update(`secret ${index}`).digest();
}
