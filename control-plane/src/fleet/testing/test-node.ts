import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { hashItem, SetDigest } from '@sluice/engine';
import {
  type Command,
  type HelloSchema,
  NackReason,
  PositionSchema,
  type StatusSchema,
  SyncService,
  Track,
  type Update,
  type WatchRequestSchema,
  type Welcome,
} from '@sluice/proto';
import { createGrpcClient, type RpcError, toRpcError } from '@sluice/proto/grpc-client';
import type { FollowedTrack } from '../update-source.ts';

/** What a node has of one track. */
export interface HeldTrack {
  revision: number;
  readonly items: Map<string, Uint8Array>;
  digest: Uint8Array;
}

/** One activation, for the checker of histories. */
export interface Activation {
  readonly track: FollowedTrack;
  readonly historyId: string;
  readonly revision: number;
  readonly digest: string;
  readonly forced: boolean;
}

export interface TestNodeOptions {
  readonly address: string;
  readonly id: string;
  readonly group?: string;
  readonly token?: string;
  /** What it has, as a node that comes back. */
  readonly from?: TestNode;
  /** It says how it is this often. Default: never. */
  readonly beatMs?: number;
  /** Nodes share this many connections by their ids' numbers. Default: each has its own. */
  readonly connections?: number;
  readonly hello?: MessageInitShape<typeof HelloSchema>;
  /** Default: it acks what has the digest it says. */
  readonly onUpdate?: (node: TestNode, update: CompleteUpdate) => void;
}

/** All parts of an update. */
export interface CompleteUpdate {
  readonly track: FollowedTrack;
  readonly parts: readonly Update[];
  readonly last: Update;
}

/** A node over a real connection, as small as it can be: it keeps items in memory, checks digests and acknowledges. */
export class TestNode {
  readonly id: string;
  readonly config: HeldTrack;
  readonly facts: HeldTrack;
  readonly activations: Activation[];
  readonly updates: CompleteUpdate[] = [];
  readonly commands: Command[] = [];
  historyId: string;
  heartbeats = 0;
  welcome: Welcome | undefined;
  /** What it says of itself with each beat. */
  status: MessageInitShape<typeof StatusSchema> = { workers: 2 };
  /** Why the stream ended. */
  ended: RpcError | 'closed' | undefined;
  readonly #client;
  readonly #call;
  readonly #onUpdate: NonNullable<TestNodeOptions['onUpdate']>;
  #parts: Update[] = [];

  constructor(options: TestNodeOptions) {
    const { from, group = 'default' } = options;
    this.id = options.id;
    this.config = from?.config ?? emptyTrack();
    this.facts = from?.facts ?? emptyTrack();
    this.historyId = from?.historyId ?? '';
    this.activations = from?.activations ?? [];
    this.#onUpdate = options.onUpdate ?? ((node, update) => node.activate(update));
    this.#client = createGrpcClient(SyncService, options.address, {
      ...(options.token === undefined ? {} : { token: options.token }),
      channelOptions:
        options.connections === undefined
          ? { 'grpc.use_local_subchannel_pool': 1 }
          : { 'test.connection': Number(options.id.replace(/\D/g, '')) % options.connections },
    });
    this.#call = this.#client.watch();
    this.#call.on('error', (error) => {
      this.ended ??= toRpcError(error);
    });
    this.#call.on('end', () => {
      this.ended ??= 'closed';
    });
    this.#call.on('data', ({ message }) => {
      if (message.case === 'welcome') this.welcome = message.value;
      else if (message.case === 'heartbeat') this.heartbeats++;
      else if (message.case === 'command') this.commands.push(message.value);
      else if (message.case === 'update') this.#take(message.value);
    });
    const beat = options.beatMs && setInterval(() => this.say({ case: 'status', value: this.status }), options.beatMs);
    this.#call.once('close', () => clearInterval(beat));
    this.say({
      case: 'hello',
      value: {
        nodeId: options.id,
        group,
        version: 'test',
        protocol: 1,
        workers: 2,
        historyId: this.historyId,
        config: toWire(this.config),
        facts: toWire(this.facts),
        ...options.hello,
      },
    });
  }

  say(message: NonNullable<MessageInitShape<typeof WatchRequestSchema>['message']>): void {
    this.#call.write({ message });
  }

  /** Stops reading, as a process that hangs. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  /** Takes an update over and acks it, or nacks it where its digest is not what it says. */
  activate({ track, parts, last }: CompleteUpdate): void {
    const held = track === Track.CONFIG ? this.config : this.facts;
    const items = last.snapshot ? new Map<string, Uint8Array>() : new Map(held.items);
    if (!last.snapshot && Number(last.fromRevision) !== held.revision) {
      this.nack({ track, parts, last }, NackReason.GAP);
      return;
    }
    for (const { upserts, removals } of parts) {
      for (const { kind, name, content } of upserts) items.set(`${kind}/${name}`, content);
      for (const { kind, name } of removals) items.delete(`${kind}/${name}`);
    }
    const digest = digestOf(items);
    if (Buffer.compare(digest, last.digest) !== 0) {
      this.nack({ track, parts, last }, NackReason.DIGEST);
      return;
    }
    held.items.clear();
    for (const [key, content] of items) held.items.set(key, content);
    held.revision = Number(last.revision);
    held.digest = digest;
    this.historyId = last.historyId;
    this.activations.push({
      track,
      historyId: last.historyId,
      revision: held.revision,
      digest: Buffer.from(digest).toString('hex'),
      forced: last.forced,
    });
    this.say({ case: 'ack', value: { track, historyId: last.historyId, position: toWire(held) } });
  }

  nack({ track, last }: CompleteUpdate, reason: NackReason, detail = ''): void {
    const held = track === Track.CONFIG ? this.config : this.facts;
    const position = toWire(held);
    this.say({ case: 'nack', value: { track, revision: last.revision, reason, detail, position } });
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(update: Update): void {
    this.#parts.push(update);
    if (update.more) return;
    const complete = { track: update.track as FollowedTrack, parts: this.#parts, last: update };
    this.#parts = [];
    this.updates.push(complete);
    this.#onUpdate(this, complete);
  }
}

function toWire({ revision, digest }: HeldTrack) {
  return create(PositionSchema, { revision: BigInt(revision), digest });
}

export function digestOf(items: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const hashes = [...items].map(([key, content]) => {
    const slash = key.indexOf('/');
    return hashItem(key.slice(0, slash), key.slice(slash + 1), content);
  });
  return SetDigest.of(hashes).bytes();
}

function emptyTrack(): HeldTrack {
  return { revision: 0, items: new Map(), digest: new Uint8Array(32) };
}
