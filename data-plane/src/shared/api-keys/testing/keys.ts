import { createHash } from 'node:crypto';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type BuiltApiKey, buildApiKeyItem, CannotBuild, type TrackItem } from '@sluice/engine';
import { ApiKeySchema } from '@sluice/proto';
import { createKeyMemory, KeyReader, KeyStore } from '../index.ts';

export function secretHash(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** An enabled key of the consumer `c` whose secret is its name. */
export function keyItem(name: string, more: MessageInitShape<typeof ApiKeySchema> = {}): TrackItem {
  const key = create(ApiKeySchema, { name, consumer: 'c', hash: secretHash(name), enabled: true, ...more });
  return { kind: 'ApiKey', name, content: toBinary(ApiKeySchema, key) };
}

/** A key with a field that no version knows. */
export function strangeItem(name: string): TrackItem {
  const { kind, content } = keyItem(name);
  return { kind, name, content: Buffer.concat([content, Buffer.from([0xf8, 0x3f, 1])]) };
}

export function buildTestKey(item: TrackItem): BuiltApiKey | CannotBuild {
  const slot = () => 1;
  return buildApiKeyItem(item, {
    group: 'default',
    slots: { route: slot, service: slot, endpoint: slot, limit: slot, policy: slot },
  });
}

export function readTestKeys(memory: SharedArrayBuffer): KeyReader {
  return new KeyReader(memory, (item) => {
    const built = buildTestKey(item);
    return built instanceof CannotBuild ? undefined : built;
  });
}

/** A store and who reads it. */
export function newKeys(maxBytes?: number): { store: KeyStore; reader: KeyReader; memory: SharedArrayBuffer } {
  const memory = createKeyMemory(maxBytes);
  const store = new KeyStore(memory, { hashKey: [1, 2], build: buildTestKey });
  return { store, memory, reader: readTestKeys(memory) };
}
