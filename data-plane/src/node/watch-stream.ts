import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationMs, type Log } from '@sluice/engine';
import {
  type Command,
  NackReason,
  type SyncService,
  type Track,
  type Update,
  type WatchRequestSchema,
  type WatchResponse,
  type Welcome,
} from '@sluice/proto';
import { type GrpcClient, toRpcError } from '@sluice/proto/grpc-client';
import type { Positions } from './freshness/freshness.ts';
import type { UpdateRefusal, WholeUpdate } from './track.ts';
import { type StageKeys, UpdateAssembly } from './update-assembly.ts';

export type WatchMessage = NonNullable<MessageInitShape<typeof WatchRequestSchema>['message']>;
type MessageOf<Case extends WatchMessage['case']> = Extract<WatchMessage, { case: Case }>['value'];

/** What the answer to a command holds besides that it was done. */
export type CommandReport = Pick<MessageOf<'commandResult'>, 'services'>;

/** What a watch asks its node and tells it. */
export interface WatchNode {
  hello(): MessageOf<'hello'>;
  status(): MessageOf<'status'>;
  readonly stageKeys: StageKeys;
  /** Makes an update active, or says why not. */
  apply(update: WholeUpdate): Promise<UpdateRefusal | undefined>;
  /** What to say of a track once an update is active, or after one was refused. */
  position(track: Track): MessageOf<'ack'>;
  /** A stream begins; the control plane says what is current, or that the node diverged. */
  welcomed(current: Positions, diverged: boolean): void;
  /** It says so again. */
  named(current: Positions, diverged: boolean): void;
  /** The control plane has no facts at all: there will be no first update of that track. */
  noFacts(historyId: string): void;
  /** @throws Error where it cannot be done */
  command(command: Command): Promise<CommandReport>;
}

export interface StreamOptions {
  readonly node: WatchNode;
  readonly log: Log;
}

/** Why a stream ended, or did not begin. */
export interface Ending {
  readonly reason: string;
  /** How long the control plane asks to wait. */
  readonly retryAfterMs?: number | undefined;
}

const DEFAULT_HEARTBEAT_MS = 5_000;

/** One stream, from Hello to its end. */
export class WatchStream {
  readonly ended: Promise<Ending>;
  readonly #options: StreamOptions;
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

  constructor(client: GrpcClient<typeof SyncService>, options: StreamOptions, onWelcome: () => void) {
    this.#options = options;
    this.#onWelcome = onWelcome;
    this.#assembly = new UpdateAssembly(options.node.stageKeys);
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
        this.#options.node.named(positionsOf(message.value), this.#diverged);
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
    this.#options.node.welcomed(positionsOf(welcome), welcome.diverged);
    if (welcome.factsVersion === 0n && !welcome.diverged) this.#options.node.noFacts(welcome.historyId);
    this.#statusTimer = setInterval(() => this.sendStatus(), this.#heartbeatMs);
    this.sendStatus();
    this.#expectMore();
  }

  #update(part: Update): void {
    let update: ReturnType<UpdateAssembly['add']>;
    try {
      update = this.#assembly.add(part);
    } catch (error) {
      this.end({ reason: `an update that does not decode: ${String(error)}` });
      return;
    }
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
    const { commandId } = command;
    try {
      this.#send({ case: 'commandResult', value: { commandId, ...(await this.#options.node.command(command)) } });
    } catch (cause) {
      const error = cause instanceof Error ? cause.message : String(cause);
      this.#send({ case: 'commandResult', value: { commandId, error } });
    }
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

function positionsOf({ revision, factsVersion }: Pick<Welcome, 'revision' | 'factsVersion'>): Positions {
  return { revision: Number(revision), factsVersion: Number(factsVersion) };
}
