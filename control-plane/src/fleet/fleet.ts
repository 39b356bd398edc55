import { Code, type ConnectError } from '@connectrpc/connect';
import type { Log } from '@sluice/engine';
import { type Hello, type Node, Track } from '@sluice/proto';
import { retryableError } from '../rpc/errors.ts';
import type { TrackState } from '../state/track-state.ts';
import { type CommandOutcome, CommandRelay, type CommandStore, type CommandTarget } from './command-relay.ts';
import { ConnectedNodes } from './connected-nodes.ts';
import { describeNode } from './describe-node.ts';
import type { OpenSecrets } from './encoded-update.ts';
import { FanOut } from './fan-out.ts';
import type { FleetCommand } from './fleet-command.ts';
import { judgeHello } from './judge-hello.ts';
import { NodeRecords, type NodeStore } from './node-records.ts';
import { NodeSession, type SessionContext } from './node-session.ts';
import type { CurrentRevisions } from './node-state.ts';
import { type SlotLimits, SnapshotSlots } from './snapshot-slots.ts';
import { TakeoverLog } from './takeover-log.ts';
import { type FollowedTrack, UpdateSource } from './update-source.ts';

/** What the fleet follows. */
interface FleetState {
  readonly historyId: string;
  readonly config: TrackState;
  readonly facts: TrackState;
  /** Reads the database now. Rejects while it is away. */
  refresh(): Promise<void>;
}

export interface FleetOptions {
  readonly state: FleetState;
  readonly store: NodeStore & CommandStore;
  readonly replicaId: string;
  readonly heartbeatIntervalMs: number;
  readonly maxNodes: number;
  readonly log: Log;
  /** What nodes get of secrets. Default: nothing. */
  readonly openSecrets?: OpenSecrets;
  /** Default: 32 at a time, 512 waiting, 5 s each. */
  readonly snapshotSlots?: SlotLimits;
  /** Between two writes of what changed to the database. Default 1 s. */
  readonly flushIntervalMs?: number;
  /** From a command to the last answer. Default 5 s. */
  readonly commandTimeoutMs?: number;
}

/** The nodes connected to this replica: who they are, and when they have something to do. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #connected = new ConnectedNodes();
  readonly #listeners = new Set<() => void>();
  readonly #updates: UpdateSource;
  readonly #slots: SnapshotSlots;
  readonly #records: NodeRecords;
  readonly #commands: CommandRelay;
  readonly #takeovers = new TakeoverLog();
  readonly #fanOut = new FanOut(() => this.#connected.streams());
  readonly #unsubscribe: (() => void)[];
  #historyId: string;
  #notifying = false;
  #closed = false;

  constructor(options: FleetOptions) {
    const { state, store, replicaId, heartbeatIntervalMs, log, flushIntervalMs = 1000 } = options;
    this.#options = options;
    this.#historyId = state.historyId;
    this.#updates = new UpdateSource({
      get historyId() {
        return state.historyId;
      },
      trackOf: (track) => this.#trackOf(track),
      openSecrets: options.openSecrets ?? (() => undefined),
    });
    this.#slots = new SnapshotSlots(options.snapshotSlots ?? { slots: 32, maxWaiting: 512, leaseMs: 5000 });
    this.#records = new NodeRecords({
      store,
      replicaId,
      flushIntervalMs,
      keepAliveMs: heartbeatIntervalMs,
      log,
      connected: () => this.#connected.nodes.keys(),
      describe: (nodeId) => this.#describe(nodeId),
    });
    const { commandTimeoutMs } = options;
    this.#commands = new CommandRelay({
      store,
      log,
      sessions: this.#connected.nodes,
      ...(commandTimeoutMs !== undefined && { timeoutMs: commandTimeoutMs }),
    });
    const moved = () => this.#onMoved();
    this.#unsubscribe = [state.config.subscribe(moved), state.facts.subscribe(moved)];
  }

  get historyId(): string {
    return this.#options.state.historyId;
  }

  get current(): CurrentRevisions {
    const { config, facts } = this.#options.state;
    return { revision: config.revision, factsVersion: facts.revision };
  }

  /** Nodes connected to this replica. */
  get size(): number {
    return this.#connected.nodes.size;
  }

  sessions(): Iterable<NodeSession> {
    return this.#connected.nodes.values();
  }

  /** Nodes connected to this replica, of any of these groups or of all, that share no store of limits with others. */
  nodesWithoutStore(groups: readonly string[]): readonly string[] {
    return [...this.sessions()]
      .filter(({ hello }) => !hello.limitStore && (groups.length === 0 || groups.includes(hello.group)))
      .map(({ hello }) => hello.nodeId);
  }

  session(nodeId: string): NodeSession | undefined {
    return this.#connected.nodes.get(nodeId);
  }

  /**
   * Takes a node in. Of two connections with one id the later is the node; where one process takes over from another, the process
   * that was started later, and the other one keeps its stream.
   * @throws ConnectError resource_exhausted or unavailable with a retry hint, failed_precondition for another protocol
   */
  async connect(hello: Hello): Promise<NodeSession> {
    this.#admit(hello.nodeId);
    const { state, log } = this.#options;
    const diverged = await judgeHello(hello, {
      historyId: state.historyId,
      updates: this.#updates,
      trackOf: (track) => this.#trackOf(track),
      refresh: () => state.refresh(),
    });
    this.#admit(hello.nodeId);
    const session = new NodeSession(hello, diverged, this.#sessionContext());
    this.#add(session);
    const level = diverged === undefined ? 'info' : 'warn';
    log[level]('node connected', {
      node: hello.nodeId,
      group: hello.group,
      revision: hello.config?.revision,
      diverged,
    });
    this.#commands.welcome();
    this.#onChanged(session);
    return session;
  }

  /** All nodes that any replica knows, by id. */
  nodes(): Promise<Node[]> {
    return this.#records.list();
  }

  /** Tells nodes to do something, whatever replica they are connected to. Resolves within the timeout. */
  command(targets: readonly CommandTarget[], command: FleetCommand): Promise<CommandOutcome[]> {
    return this.#commands.send(targets, command);
  }

  /** Calls back, soon and once for many changes, when a node of this replica stands differently. Returns how to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lets all nodes go, tells them when to come back, and writes how they stood. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#commands.close();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const session of [...this.#connected.streams()]) session.close(stopping());
    await this.#records.close();
  }

  #add(session: NodeSession): void {
    const { nodeId } = session.hello;
    const { log } = this.#options;
    const arrival = this.#connected.add(session);
    if (arrival.kind === 'only') return;
    if (arrival.kind === 'again') {
      this.#takeovers.add(nodeId);
      log.warn('a node connected again while it was connected', { node: nodeId });
    } else log.info('a node is taken over by a process started later', { node: nodeId });
    arrival.displaced?.close(connectedAgain(nodeId));
  }

  #admit(nodeId: string): void {
    const { maxNodes } = this.#options;
    if (this.#closed) throw stopping();
    if (this.size >= maxNodes && !this.#connected.nodes.has(nodeId)) {
      throw retryableError(
        Code.ResourceExhausted,
        `${maxNodes} nodes are connected, and more are not admitted`,
        10_000,
      );
    }
    if (this.#slots.overloaded) {
      const spreadMs = 500 + Math.random() * 1500;
      throw retryableError(Code.ResourceExhausted, 'too many nodes wait for snapshots', spreadMs);
    }
  }

  #trackOf(track: FollowedTrack): TrackState {
    const { config, facts } = this.#options.state;
    return track === Track.CONFIG ? config : facts;
  }

  #sessionContext(): SessionContext {
    const { replicaId, heartbeatIntervalMs, log } = this.#options;
    return {
      historyId: this.#historyId,
      replicaId,
      updates: this.#updates,
      slots: this.#slots,
      heartbeatIntervalMs,
      log,
      trackOf: (track) => this.#trackOf(track),
      now: () => performance.now(),
      changed: (session) => this.#onChanged(session),
    };
  }

  #describe(nodeId: string): Node | undefined {
    const session = this.session(nodeId);
    return session && this.#describeSession(session, this.#connected.predecessorOf(nodeId));
  }

  #describeSession(session: NodeSession, predecessor: NodeSession | undefined): Node {
    const { replicaId, heartbeatIntervalMs } = this.#options;
    return describeNode(session, {
      current: this.current,
      staleAfter: { silentMs: 1.5 * heartbeatIntervalMs, unansweredMs: 3 * heartbeatIntervalMs },
      replicaId,
      takeovers: this.#takeovers.count(session.hello.nodeId),
      predecessor,
    });
  }

  #onChanged(session: NodeSession): void {
    const { nodeId } = session.hello;
    if (session.state.kind !== 'closed') this.#records.change(nodeId);
    else this.#remove(session);
    this.#notify();
  }

  #remove(session: NodeSession): void {
    const { nodeId } = session.hello;
    const was = this.#connected.remove(session);
    if (was === 'displaced') return;
    if (was === 'node') {
      const node = this.#describeSession(session, undefined);
      this.#options.log.info('node disconnected', { node: nodeId, reason: node.reason });
      this.#records.leave(node);
    }
    // With its predecessor gone, or being the node again, it stands differently.
    if (this.#connected.nodes.has(nodeId)) this.#records.change(nodeId);
  }

  /** A track moved on, or the history changed. */
  #onMoved(): void {
    const { historyId } = this.#options.state;
    if (historyId !== this.#historyId) {
      this.#historyId = historyId;
      for (const session of [...this.#connected.streams()]) {
        session.close(retryableError(Code.Unavailable, 'the control plane began another history', Math.random() * 500));
      }
    }
    this.#fanOut.wake();
    this.#notify();
  }

  #notify(): void {
    if (this.#notifying || this.#listeners.size === 0) return;
    this.#notifying = true;
    setImmediate(() => {
      this.#notifying = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

function connectedAgain(nodeId: string): ConnectError {
  return retryableError(Code.Aborted, `node ${nodeId} connected again, and the later one stays`, 5000);
}

function stopping(): ConnectError {
  return retryableError(Code.Unavailable, 'the control plane is stopping', Math.random() * 500);
}
