import { createServer, type Server, type Socket } from 'node:net';
import { BACKLOG, defaultListener, type ListenerPlan, plainAddress } from '@sluice/engine';
import type { ProxyContext } from '../proxy-context.ts';
import { setBacklog } from './backlog.ts';
import { closePolitely } from './close-politely.ts';
import { ConnectionCaps } from './connection-caps.ts';
import { type Acceptor, DownstreamConnection } from './downstream-connection.ts';
import { IdleLeave } from './idle-leave.ts';

/** A client that vanished without a word is found by the kernel, also where nothing is to be sent to it. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

/** One listening socket of this worker and the connections it accepted. */
export class BoundListener implements Acceptor {
  readonly name: string;
  leaving = false;
  leaveByMs = Number.POSITIVE_INFINITY;
  /** Connections accepted since the start. */
  accepted = 0;
  /** In the order in which they were accepted. */
  readonly connections: ReadonlySet<DownstreamConnection>;
  readonly #context: ProxyContext;
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #connections = new Set<DownstreamConnection>();
  readonly #caps: ConnectionCaps<DownstreamConnection>;
  #plan: ListenerPlan;
  #epoch = -1;
  #idleLeave: IdleLeave | null = null;
  #onEmpty: (() => void) | null = null;

  constructor(context: ProxyContext, name: string, host: string, port: number) {
    this.name = name;
    this.#context = context;
    this.#host = host;
    this.#port = port;
    this.#plan = defaultListener(name, `${host}:${port}`);
    this.connections = this.#connections;
    this.#caps = new ConnectionCaps(context.shared, name, this.#connections);
    this.#server = createServer({ ...SOCKET_OPTIONS, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.#accept(socket),
    );
  }

  get plan(): ListenerPlan {
    const { tables } = this.#context.source;
    if (this.#epoch !== tables.epoch) {
      this.#epoch = tables.epoch;
      this.#plan = tables.listener(this.name) ?? this.#plan;
    }
    return this.#plan;
  }

  keepAliveUntilMs(nowMs: number): number {
    const untilMs = nowMs + this.plan.keepAliveTimeoutMs;
    return this.#idleLeave === null ? untilMs : Math.min(untilMs, this.#idleLeave.keepAliveUntilMs(nowMs));
  }

  /** How many connections the kernel lets wait to be accepted. */
  setBacklog(backlog: number): void {
    if (!this.leaving) setBacklog(this.#server, backlog);
  }

  /** Now and then. */
  keepHouse(): void {
    if (!this.leaving) this.#caps.enforce(this.plan);
  }

  listen(exclusive: boolean): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const server = this.#server;
    server.once('error', reject);
    server.listen(
      { host: this.#host, port: this.#port, backlog: BACKLOG, reusePort: !exclusive, exclusive: true },
      () => {
        server.off('error', reject);
        // Out of file descriptors, for one: what is being served goes on.
        server.on('error', () => undefined);
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : this.#port);
      },
    );
    return promise;
  }

  /**
   * Accepts no more, ends each connection after its next answer, and those on which no request comes in the first half of the
   * time. Gives the number of requests cut at the deadline.
   */
  async leave(deadlineMs: number): Promise<number> {
    this.leaving = true;
    this.leaveByMs = this.#context.shared.clock.nowMs() + deadlineMs;
    for (const connection of this.#connections) connection.leaveTunnel(this.leaveByMs);
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, deadlineMs).unref());
    await Promise.race([closePolitely(this.#server, () => this.accepted), deadline]);
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    if (this.#connections.size === 0) resolve();
    const { clock } = this.#context.shared;
    const idleLeave = new IdleLeave(this.#connections, deadlineMs, clock.nowMs());
    this.#idleLeave = idleLeave;
    idleLeave.start();
    await Promise.race([empty, deadline]);
    idleLeave.stop();
    let cut = 0;
    for (const connection of [...this.#connections]) {
      if (connection.busy) cut++;
      connection.destroy();
    }
    return cut;
  }

  /** Ends everything at once. */
  close(): void {
    this.leaving = true;
    this.#server.close();
    for (const connection of [...this.#connections]) connection.destroy();
  }

  onConnectionClosed(connection: DownstreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#caps.release(connection.clientCell);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #accept(socket: Socket): void {
    this.accepted++;
    const { remoteAddress } = socket;
    // What the listener allows is what is active now, also where no request came since it was activated.
    this.#context.source.activate();
    // Without an address its other end has gone already.
    const address = plainAddress(remoteAddress);
    const cell = remoteAddress === undefined ? undefined : this.#caps.admit(address, this.plan);
    if (cell === undefined) {
      socket.destroy();
      return;
    }
    this.#connections.add(new DownstreamConnection(this.#context, this, socket, address, cell));
  }
}
