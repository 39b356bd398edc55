import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationMs, type Log } from '@sluice/engine';
import {
  type Command,
  NackReason,
  SyncService,
  type Track,
  type Update,
  type WatchRequestSchema,
  type WatchResponse,
  type Welcome,
} from '@sluice/proto';
import { createGrpcClient, type GrpcClient, toRpcError } from '@sluice/proto/grpc-client';
import type { KeyStaging } from '../shared/index.ts';
import type { UpdateRefusal, WholeUpdate } from './track.ts';
import { UpdateAssembly } from './update-assembly.ts';

export type WatchMessage = NonNullable<MessageInitShape<typeof WatchRequestSchema>['message']>;
type MessageOf<Case extends WatchMessage['case']> = Extract<WatchMessage, { case: Case }>['value'];

/** What a watch asks its node and tells it. */
export interface WatchNode {
  hello(): MessageOf<'hello'>;
  status(): MessageOf<'status'>;
  /** Begins to take in the API keys of a snapshot. */
  stageKeys(): KeyStaging;
  /** Makes an update active, or says why not. */
  apply(update: WholeUpdate): Promise<UpdateRefusal | undefined>;
  /** What to say of a track once an update is active, or after one was refused. */
  position(track: Track): MessageOf<'ack'>;
  /** The control plane said that this is current, or that the node diverged. */
  confirmed(revision: number, diverged: boolean): void;
  /** The control plane has no facts at all: there will be no first update of that track. */
  noFacts(historyId: string): void;
  /** @throws Error where it cannot be done */
  command(command: Command): Promise<void>;
}

export interface WatchOptions {
  /** Addresses of control planes that share a database. */
  readonly controlPlanes: readonly string[];
  readonly token: string | undefined;
  readonly log: Log;
  readonly node: WatchNode;
  readonly onDisconnect: () => void;
  readonly random?: () => number;
}

const BACKOFF_BASE_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** A control plane is not listened to when it asks for more patience than this. */
const RETRY_AFTER_MAX_MS = 30_000;
const DEFAULT_HEARTBEAT_MS = 5_000;
/** A connection that is not made in this time is tried anew. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Why a stream ended, or did not begin. */
interface Ending {
  readonly reason: string;
  /** How long the control plane asks to wait. */
  readonly retryAfterMs?: number | undefined;
}

/**
 * The stream to a control plane: always open, or about to be opened again, at the next of several. The node serves whether it
 * is or not.
 */
export class WatchClient {
  readonly #options: WatchOptions;
  readonly #clients: readonly GrpcClient<typeof SyncService>[];
  /** Which control plane the node is at, or tries. */
  #at = 0;
  #stream: WatchStream | undefined;
  #failures = 0;
  #closed = false;
  #sleep: { readonly timer: NodeJS.Timeout; readonly wake: () => void } | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#clients = options.controlPlanes.map((address) =>
      createGrpcClient(SyncService, address, {
        ...(options.token === undefined ? {} : { token: options.token }),
        channelOptions: {
          'grpc.keepalive_time_ms': 5_000,
          'grpc.keepalive_timeout_ms': 3_000,
          'grpc.initial_reconnect_backoff_ms': BACKOFF_BASE_MS,
          'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
        },
      }),
    );
  }

  get connected(): boolean {
    return this.#stream?.welcomed ?? false;
  }

  /** Runs until {@link close}. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const { reason, retryAfterMs = 0 } = await this.#runOnce();
      if (this.#closed) return;
      const waitMs = Math.max(this.#backoffMs(), this.#spread(Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)));
      if (this.#failures === 1 || this.#failures % 20 === 0) {
        this.#options.log.warn('no control plane, serving what is active', {
          address: this.#options.controlPlanes[this.#at],
          reason,
          tryAgainInMs: Math.round(waitMs),
        });
      }
      this.#at = (this.#at + 1) % this.#clients.length;
      await this.#wait(waitMs);
    }
  }

  /** Tells the control plane how the node stands, where there is a stream. */
  sendStatus(): void {
    this.#stream?.sendStatus();
  }

  close(): void {
    this.#closed = true;
    this.#stream?.end({ reason: 'closed' });
    if (this.#sleep !== undefined) {
      clearTimeout(this.#sleep.timer);
      this.#sleep.wake();
    }
    for (const client of this.#clients) client.close();
  }

  async #runOnce(): Promise<Ending> {
    this.#failures++;
    const client = this.#clients[this.#at]!;
    try {
      await client.waitForReady(CONNECT_TIMEOUT_MS);
    } catch (error) {
      return { reason: toRpcError(error).message };
    }
    if (this.#closed) return { reason: 'closed' };
    this.#stream = new WatchStream(client, this.#options, () => {
      this.#failures = 0;
    });
    const ending = await this.#stream.ended;
    this.#stream = undefined;
    this.#options.onDisconnect();
    return ending;
  }

  /** Exponential with full jitter over its upper half, so that a fleet does not come back at once. */
  #backoffMs(): number {
    const most = Math.min(BACKOFF_BASE_MS * 2 ** Math.min(this.#failures, 10), BACKOFF_MAX_MS);
    return most * (0.5 + 0.5 * this.#random());
  }

  /** At least what was asked for: many nodes may have been told the same. */
  #spread(ms: number): number {
    return ms * (1 + 0.25 * this.#random());
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#sleep = { timer, wake: resolve };
    });
  }
}

/** One stream, from Hello to its end. */
class WatchStream {
  readonly ended: Promise<Ending>;
  readonly #options: WatchOptions;
  readonly #call: ReturnType<GrpcClient<typeof SyncService>['watch']>;
  readonly #assembly: UpdateAssembly;
  readonly #onWelcome: () => void;
  #finish: (ending: Ending) => void;
  #silence: NodeJS.Timeout | undefined;
  #statusTimer: NodeJS.Timeout | undefined;
  #heartbeatMs = DEFAULT_HEARTBEAT_MS;
  #diverged = false;
  #over = false;
  welcomed = false;

  constructor(client: GrpcClient<typeof SyncService>, options: WatchOptions, onWelcome: () => void) {
    this.#options = options;
    this.#onWelcome = onWelcome;
    this.#assembly = new UpdateAssembly(() => options.node.stageKeys());
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#finish = resolve;
    this.#call = client.watch();
    this.#call.on('data', (response: WatchResponse) => this.#hear(response));
    this.#call.on('error', (error) => {
      const { message, retryAfterMs } = toRpcError(error);
      this.end({ reason: message, retryAfterMs });
    });
    this.#call.on('end', () => this.end({ reason: 'the control plane ended the stream' }));
    this.#send({ case: 'hello', value: options.node.hello() });
    this.#expectMore();
  }

  end(ending: Ending): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#silence);
    clearInterval(this.#statusTimer);
    this.#assembly.drop();
    this.#call.cancel();
    this.#finish(ending);
  }

  sendStatus(): void {
    if (this.welcomed) this.#send({ case: 'status', value: this.#options.node.status() });
  }

  #hear({ message }: WatchResponse): void {
    if (this.#over) return;
    this.#expectMore();
    switch (message.case) {
      case 'welcome':
        this.#welcome(message.value);
        break;
      case 'update':
        this.#update(message.value);
        break;
      case 'heartbeat':
        this.#options.node.confirmed(Number(message.value.revision), this.#diverged);
        break;
      case 'command':
        void this.#command(message.value);
        break;
      case undefined:
        break;
      default:
        message satisfies never;
    }
  }

  #welcome(welcome: Welcome): void {
    this.#heartbeatMs = durationMs(welcome.heartbeatInterval, DEFAULT_HEARTBEAT_MS);
    this.#diverged = welcome.diverged;
    this.welcomed = true;
    this.#onWelcome();
    this.#options.log.info('connected to the control plane', {
      replica: welcome.replicaId,
      revision: welcome.revision,
      diverged: welcome.diverged,
    });
    this.#options.node.confirmed(Number(welcome.revision), welcome.diverged);
    if (welcome.factsVersion === 0n && !welcome.diverged) this.#options.node.noFacts(welcome.historyId);
    this.#statusTimer = setInterval(() => this.sendStatus(), this.#heartbeatMs);
    this.sendStatus();
    this.#expectMore();
  }

  #update(part: Update): void {
    const update = this.#assembly.add(part);
    if (update === 'too large') this.end({ reason: 'a snapshot that is larger than the node takes' });
    else if (update !== undefined) void this.#apply(update);
  }

  async #apply(update: WholeUpdate): Promise<void> {
    const refusal = await this.#options.node.apply(update).catch((error: unknown): UpdateRefusal => {
      // A bug of ours: the control plane hears of it, and what was active still is.
      return { reason: NackReason.WORKERS, detail: `the node failed on it: ${String(error)}` };
    });
    const position = this.#options.node.position(update.track);
    if (refusal === undefined) {
      if (update.forced) this.#diverged = false;
      this.#send({ case: 'ack', value: position });
    } else {
      this.#options.log.error('update refused', {
        track: update.track,
        revision: update.revision,
        reason: refusal.detail,
      });
      this.#send({
        case: 'nack',
        value: {
          track: update.track,
          revision: BigInt(update.revision),
          ...refusal,
          ...(position.position ? { position: position.position } : {}),
        },
      });
    }
  }

  async #command(command: Command): Promise<void> {
    let error = '';
    try {
      await this.#options.node.command(command);
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    this.#send({ case: 'commandResult', value: { commandId: command.commandId, error } });
  }

  #send(message: WatchMessage): void {
    if (!this.#over) this.#call.write({ message });
  }

  /** Two missed heartbeats: the other side is gone, whatever the connection says. */
  #expectMore(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () => this.end({ reason: 'the control plane is silent' }),
      this.#heartbeatMs * 2 + 1_000,
    );
  }
}
