import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { encodeResource, hashItem, SetDigest } from '@sluice/engine';
import { parseManifests } from '@sluice/engine/manifest';
import { ApiKeySchema, type ItemSchema, Track, WatchResponseSchema } from '@sluice/proto';

type Message = NonNullable<MessageInitShape<typeof WatchResponseSchema>['message']>;
type UpdateInit = Extract<Message, { case: 'update' }>['value'];
type ItemInit = MessageInitShape<typeof ItemSchema>;

const KEYS_IN_A_PART = 2000;
const HISTORY = 'scale';

/** A control plane that has nothing but a snapshot of so many API keys, and sends it to each node that comes. */
export interface KeyFeed extends AsyncDisposable {
  readonly url: string;
  /** Gives the first `count` keys another secret on every node that is connected. */
  readonly rotate: (count: number) => void;
}

export const keyName = (index: number): string => `key-${index}`;

/** As wide as the control plane makes them. */
function keyItem(index: number, generation = 0): ItemInit {
  const secretHash = Buffer.from(hashItem('secret', secretOf(index, generation), Buffer.alloc(0)));
  const createdAt = { seconds: 1_795_000_000n + BigInt(index), nanos: 123_000_000 };
  const key = create(ApiKeySchema, {
    name: keyName(index),
    consumer: 'app',
    hash: secretHash,
    prefix: `slk_${String(index).padStart(8, '0')}`,
    enabled: true,
    createdAt,
  });
  return { kind: 'ApiKey', name: key.name, content: toBinary(ApiKeySchema, key) };
}

function secretOf(index: number, generation: number): string {
  return `slk_${index}_${generation}`;
}

export async function startKeyFeed(keys: number, manifests: string): Promise<KeyFeed> {
  const config = parseManifests(manifests, { file: 'scale' }).documents.map(({ resource, kind, name }) => ({
    ...{ kind, name, content: encodeResource(resource) },
  }));
  const digest = new SetDigest();
  for (let i = 0; i < keys; i++) digest.add(hashOf(keyItem(i)));
  let version = 1;
  /** How often each key was rotated. */
  const generations = new Uint8Array(keys);
  const streams = new Set<ServerHttp2Stream>();
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer().on('session', (session) => sessions.add(session));
  server.on('stream', (stream: ServerHttp2Stream) => {
    streams.add(stream);
    stream.on('close', () => streams.delete(stream)).on('error', () => undefined);
    stream.resume();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
    const silence = { seconds: 600n };
    const welcome = { historyId: HISTORY, heartbeatInterval: silence, revision: 1n, factsVersion: BigInt(version) };
    stream.write(frame({ case: 'welcome', value: welcome }));
    stream.write(frame({ case: 'update', value: snapshot(Track.CONFIG, config, digestOf(config), 1) }));
    void sendKeys(stream, keys, digest.bytes());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rotate(count) {
      const items = Array.from({ length: count }, (_, index) => {
        digest.remove(hashOf(keyItem(index, generations[index])));
        generations[index]!++;
        const item = keyItem(index, generations[index]);
        digest.add(hashOf(item));
        return item;
      });
      const at = { fromRevision: BigInt(version), revision: BigInt(version + 1), digest: digest.bytes() };
      for (let from = 0; from < count; from += KEYS_IN_A_PART) {
        const upserts = items.slice(from, from + KEYS_IN_A_PART);
        const value = { track: Track.FACTS, historyId: HISTORY, ...at, upserts, more: from + KEYS_IN_A_PART < count };
        for (const stream of streams) stream.write(frame({ case: 'update', value }));
      }
      version++;
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** As fast as the node takes it. */
async function sendKeys(stream: ServerHttp2Stream, keys: number, digest: Uint8Array): Promise<void> {
  for (let from = 0; from === 0 || from < keys; from += KEYS_IN_A_PART) {
    const to = Math.min(keys, from + KEYS_IN_A_PART);
    const items = Array.from({ length: to - from }, (_, i) => keyItem(from + i));
    const value = { ...snapshot(Track.FACTS, items, digest, 1), more: to < keys };
    if (stream.destroyed) return;
    if (!stream.write(frame({ case: 'update', value }))) await once(stream, 'drain').catch(() => undefined);
  }
}

function snapshot(track: Track, upserts: readonly ItemInit[], digest: Uint8Array, revision: number): UpdateInit {
  return { track, historyId: HISTORY, revision: BigInt(revision), digest, upserts: [...upserts], snapshot: true };
}

function digestOf(items: readonly ItemInit[]): Uint8Array {
  return SetDigest.of(items.map(hashOf)).bytes();
}

function hashOf({ kind = '', name = '', content = new Uint8Array() }: ItemInit): Uint8Array {
  return hashItem(kind, name, content);
}

/** A message as gRPC sends it, not compressed. */
function frame(message: Message): Buffer {
  const bytes = toBinary(WatchResponseSchema, create(WatchResponseSchema, { message }));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}
