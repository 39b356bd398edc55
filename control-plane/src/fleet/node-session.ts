import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Log } from '@sluice/engine';
import {
  type Ack,
  type Command,
  type CommandResult,
  type Hello,
  type Nack,
  type Status,
  Track,
  type WatchRequest,
  type WatchResponse,
  WatchResponseSchema,
} from '@sluice/proto';
import type { TrackState } from '../state/track-state.ts';
import { CommandQueue, type CommandReply } from './command-queue.ts';
import { type NodeReport, reportAck, reportOfHello, reportStatus } from './node-report.ts';
import { describeNackReason } from './node-state.ts';
import { NodeTracks } from './node-tracks.ts';
import { toPosition } from './position.ts';
import type { SnapshotSlots } from './snapshot-slots.ts';
import type { TrackFeed } from './track-feed.ts';
import type { FollowedTrack, UpdateSource } from './update-source.ts';

/** What a session works with. */
export interface SessionContext {
  readonly historyId: string;
  readonly replicaId: string;
  readonly updates: UpdateSource;
  readonly slots: SnapshotSlots;
  readonly heartbeatIntervalMs: number;
  readonly log: Log;
  trackOf(track: FollowedTrack): TrackState;
  /** Monotonic, in milliseconds. */
  now(): number;
  /** Something that the fleet view shows is different. */
  changed(session: NodeSession): void;
}

type SessionState =
  | { readonly kind: 'following' }
  /** It gets signs of life and commands, but no updates until it is adopted. */
  | { readonly kind: 'diverged'; readonly reason: string }
  | { readonly kind: 'closed'; readonly error: ConnectError | undefined };

/** Heartbeat intervals without a message after which a node is gone: two missed, and a half for what is under way. */
const MAX_SILENT_INTERVALS = 2.5;

/**
 * One node's stream, from Welcome to its end. It holds no queue: what goes out next follows from how things stand when the
 * node has read what went before.
 */
export class NodeSession {
  readonly hello: Hello;
  readonly connectedAt = new Date();
  readonly #commands = new CommandQueue();
  readonly #context: SessionContext;
  readonly #tracks: NodeTracks;
  readonly #closing = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #state: SessionState;
  #report: NodeReport;
  #welcomed = false;
  #heartbeatDue = false;
  #lastHeardMs: number;
  #lastHeardAt = this.connectedAt;
  #lastTickMs: number;
  #wake = Promise.withResolvers<void>();

  /** `diverged`: why the node is to get no updates. */
  constructor(hello: Hello, diverged: string | undefined, context: SessionContext) {
    this.hello = hello;
    this.#context = context;
    this.#state = diverged === undefined ? { kind: 'following' } : { kind: 'diverged', reason: diverged };
    this.#tracks = new NodeTracks({
      ...context,
      hello,
      signal: this.#closing.signal,
      onReady: () => this.wake(),
      onDiverged: (reason) => this.#diverge(reason),
      onFailure: (track, error) =>
        context.log.warn('an update could not be made', { node: hello.nodeId, track, reason: String(error) }),
    });
    this.#report = reportOfHello(hello);
    this.#lastHeardMs = this.#lastTickMs = context.now();
    this.#timer = setInterval(() => this.#tick(), context.heartbeatIntervalMs);
    this.#timer.unref();
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Aborted when the session is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  get report(): NodeReport {
    return this.#report;
  }

  get lastHeardAt(): Date {
    return this.#lastHeardAt;
  }

  get silentMs(): number {
    return this.#context.now() - this.#lastHeardMs;
  }

  /** How long the oldest unanswered update is unanswered. */
  get unansweredMs(): number | undefined {
    return this.#tracks.unansweredMs;
  }

  feed(track: FollowedTrack): Pick<TrackFeed, 'active' | 'refused' | 'state'> {
    return this.#tracks.feed(track);
  }

  /** What goes to the node, until the session is closed. Throws the error it was closed with. */
  async *messages(): AsyncGenerator<WatchResponse> {
    while (this.#state.kind !== 'closed') {
      this.#wake = Promise.withResolvers();
      const message = this.#next();
      if (message === undefined) await this.#wake.promise;
      else {
        yield message;
        // While a node reads as fast as it is written to, the parts of a snapshot would follow each other without a pause.
        if (this.#tracks.isSending) await yieldToOthers();
      }
    }
    if (this.#state.error !== undefined) throw this.#state.error;
  }

  /** Something may be to send: a track moved on, or the fleet asks for something. */
  wake(): void {
    this.#wake.resolve();
  }

  /** What comes from the node, after its Hello. */
  receive({ message }: WatchRequest): void {
    this.#lastHeardMs = this.#context.now();
    this.#lastHeardAt = new Date();
    switch (message.case) {
      case 'ack':
        this.#onAck(message.value);
        break;
      case 'nack':
        this.#onNack(message.value);
        break;
      case 'status':
        this.#onStatus(message.value);
        break;
      case 'commandResult':
        this.#onCommandResult(message.value);
        break;
      case 'hello':
        this.close(new ConnectError('a second Hello on one stream', Code.InvalidArgument));
        break;
      case undefined:
        break;
      default:
        message satisfies never;
    }
  }

  /** Moves a node that diverged, or refuses what it is sent, to what stands here: it gets forced snapshots. False: it did neither. */
  adopt(): boolean {
    if (this.#state.kind === 'closed' || (this.#state.kind === 'following' && !this.#tracks.refuses)) return false;
    this.#state = { kind: 'following' };
    this.#tracks.adopt();
    this.#changed();
    return true;
  }

  /** Tells the node to do something, or asks it. */
  command(command: Command['command'], timeoutMs: number): Promise<CommandReply> {
    if (this.#state.kind === 'closed') return Promise.resolve({ problem: 'it is not connected' });
    const answer = this.#commands.add(command, timeoutMs);
    this.wake();
    return answer;
  }

  /** Ends the stream. Calls after the first change nothing. */
  close(error?: ConnectError): void {
    if (this.#state.kind === 'closed') return;
    this.#state = { kind: 'closed', error };
    clearInterval(this.#timer);
    this.#closing.abort();
    this.#commands.close('it disconnected');
    this.#changed();
  }

  #next(): WatchResponse | undefined {
    if (!this.#welcomed) return this.#welcome();
    const command = this.#commands.take();
    if (command !== undefined) return create(WatchResponseSchema, { message: { case: 'command', value: command } });
    if (this.#state.kind === 'following') {
      const part = this.#tracks.takePart();
      if (part !== undefined) return part;
    }
    if (!this.#heartbeatDue) return undefined;
    this.#heartbeatDue = false;
    return create(WatchResponseSchema, { message: { case: 'heartbeat', value: this.#currentRevisions() } });
  }

  #welcome(): WatchResponse {
    this.#welcomed = true;
    const { historyId, replicaId, heartbeatIntervalMs } = this.#context;
    const value = {
      historyId,
      replicaId,
      heartbeatInterval: durationFromMs(heartbeatIntervalMs),
      diverged: this.#state.kind === 'diverged',
      ...this.#currentRevisions(),
    };
    return create(WatchResponseSchema, { message: { case: 'welcome', value } });
  }

  #currentRevisions(): { revision: bigint; factsVersion: bigint } {
    const { trackOf } = this.#context;
    return { revision: BigInt(trackOf(Track.CONFIG).revision), factsVersion: BigInt(trackOf(Track.FACTS).revision) };
  }

  #diverge(reason: string): void {
    if (this.#state.kind !== 'following') return;
    this.#state = { kind: 'diverged', reason };
    this.#context.log.warn('a node diverged', { node: this.hello.nodeId, reason });
    this.#changed();
  }

  #onAck(ack: Ack): void {
    const { log, historyId } = this.#context;
    if (!isFollowed(ack.track) || ack.historyId !== historyId || this.#state.kind === 'diverged') return;
    const position = toPosition(ack.position);
    const feed = this.#tracks.feed(ack.track);
    // A node that comes to hold something later, or no longer does, says so by the same Ack again.
    if (!feed.ack(position) && position.revision !== feed.active.revision) {
      log.debug('an ack of nothing that was sent', { node: this.hello.nodeId, revision: position.revision });
      return;
    }
    if (ack.track === Track.CONFIG) this.#report = reportAck(this.#report, ack);
    this.#changed();
  }

  #onNack(nack: Nack): void {
    if (!isFollowed(nack.track)) return;
    const reason = describeNackReason(nack.reason);
    const { log } = this.#context;
    log.warn('a node refused an update', {
      node: this.hello.nodeId,
      revision: nack.revision,
      reason,
      detail: nack.detail,
    });
    const feed = this.#tracks.feed(nack.track);
    feed.nack(toPosition(nack.position), Number(nack.revision), nack.reason, nack.detail);
    if (feed.refused !== undefined) this.#report = { ...this.#report, refusedAt: new Date() };
    this.#changed();
  }

  #onCommandResult({ commandId, error, services }: CommandResult): void {
    this.#commands.settle(commandId, { problem: error, report: services });
  }

  #onStatus(status: Status): void {
    this.#report = reportStatus(this.#report, status);
    this.#context.changed(this);
  }

  #tick(): void {
    const { heartbeatIntervalMs, now } = this.#context;
    const nowMs = now();
    // When this process itself was held up, what the node said meanwhile waits to be read.
    if (nowMs - this.#lastTickMs > 2 * heartbeatIntervalMs) this.#lastHeardMs = nowMs;
    this.#lastTickMs = nowMs;
    if (this.silentMs > MAX_SILENT_INTERVALS * heartbeatIntervalMs) {
      this.close(new ConnectError(`nothing was heard for ${Math.round(this.silentMs)} ms`, Code.Aborted));
      return;
    }
    this.#heartbeatDue = true;
    this.wake();
  }

  #changed(): void {
    this.wake();
    this.#context.changed(this);
  }
}

function isFollowed(track: Track): track is FollowedTrack {
  return track === Track.CONFIG || track === Track.FACTS;
}
