import { createServer, type Server, type Socket } from 'node:net';
import { defaultListener, type ListenerPlan, mayTake } from '@sluice/engine';
import { ACTIVE_CONNECTIONS, type Shared } from '../shared/index.ts';
import { type Acceptor, DownstreamConnection } from './downstream-connection.ts';
import { ProxyContext, type ProxyHooks, type TableSource } from './proxy-context.ts';

/** How often idle upstream connections are looked through. */
const HOUSEKEEPING_MS = 1000;
/** How many connections are looked at to find an idle one to make room. */
const MAX_LOOKED_AT = 64;
/** At the end a client may be about to send on a connection that looks idle: it is given this long to do so. */
const IDLE_GRACE_MS = 500;
const BACKLOG = 4096;

/** What one worker does with connections and requests: listeners, their connections, and the connections to upstreams. */
export class WorkerProxy {
  readonly #context: ProxyContext;
  readonly #listeners = new Map<string, BoundListener>();
  readonly #housekeeping: NodeJS.Timeout;
  #epoch = -1;

  constructor(shared: Shared, source: TableSource, hooks: ProxyHooks) {
    this.#context = new ProxyContext(shared, source, hooks);
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
  }

  /**
   * Listens; resolves with the port, rejects with the system's error. `exclusive`: without reusePort.
   */
  async listen(name: string, host: string, port: number, exclusive = false): Promise<number> {
    const listener = new BoundListener(this.#context, name, host, port);
    const bound = await listener.listen(exclusive);
    void this.#listeners.get(name)?.leave(0);
    this.#listeners.set(name, listener);
    return bound;
  }

  /** Accepts no more on a listener; resolves when its last connection is closed, which takes `deadlineMs` at most. */
  async unlisten(name: string, deadlineMs: number): Promise<void> {
    const listener = this.#listeners.get(name);
    this.#listeners.delete(name);
    await listener?.leave(deadlineMs);
  }

  /** Leaves: every answer is its connection's last. Resolves with the number of requests that were cut at the deadline. */
  async drain(deadlineMs: number): Promise<number> {
    const cut = await Promise.all([...this.#listeners.values()].map((listener) => listener.leave(deadlineMs)));
    this.#listeners.clear();
    return cut.reduce((total, count) => total + count, 0);
  }

  /** Ends everything at once. */
  close(): void {
    clearInterval(this.#housekeeping);
    for (const listener of this.#listeners.values()) void listener.leave(0);
    this.#listeners.clear();
    this.#context.pools.closeIdle();
    this.#context.wheel.close();
  }

  #keepHouse(): void {
    const { pools, shared, source } = this.#context;
    if (pools.isEmpty) return;
    pools.closeExpired(shared.clock.nowMs());
    if (this.#epoch === source.tables.epoch) return;
    this.#epoch = source.tables.epoch;
    const endpoints = new Set<number>();
    for (const service of source.tables.services()) for (const { slot } of service.endpoints) endpoints.add(slot);
    pools.retain(endpoints);
  }
}

/** One listening socket of this worker and the connections it accepted. */
class BoundListener implements Acceptor {
  readonly name: string;
  leaving = false;
  readonly #context: ProxyContext;
  readonly #server: Server;
  readonly #host: string;
  readonly #port: number;
  readonly #connections = new Set<DownstreamConnection>();
  #plan: ListenerPlan;
  #epoch = -1;
  #onEmpty: (() => void) | null = null;

  constructor(context: ProxyContext, name: string, host: string, port: number) {
    this.name = name;
    this.#context = context;
    this.#host = host;
    this.#port = port;
    this.#plan = defaultListener(name, `${host}:${port}`);
    this.#server = createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
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

  /** Gives the number of connections cut at the deadline. */
  async leave(deadlineMs: number): Promise<number> {
    this.leaving = true;
    this.#server.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    if (this.#connections.size === 0) resolve();
    const idle = setTimeout(() => this.#closeIdle(), Math.min(IDLE_GRACE_MS, deadlineMs / 2));
    const late = setTimeout(resolve, deadlineMs);
    await promise;
    clearTimeout(idle);
    clearTimeout(late);
    const cut = [...this.#connections].filter((connection) => !connection.idle).length;
    for (const connection of [...this.#connections]) connection.destroy();
    return cut;
  }

  onConnectionClosed(connection: DownstreamConnection): void {
    if (!this.#connections.delete(connection)) return;
    this.#context.shared.columns.process.add(ACTIVE_CONNECTIONS, -1);
    if (this.#connections.size === 0) this.#onEmpty?.();
  }

  #accept(socket: Socket): void {
    // What the listener allows is what is active now, also where no request came since it was activated.
    this.#context.source.activate();
    if (!this.#mayAccept() && !this.#closeOldestIdle()) {
      socket.destroy();
      return;
    }
    this.#context.shared.columns.process.add(ACTIVE_CONNECTIONS, 1);
    this.#connections.add(new DownstreamConnection(this.#context, this, socket));
  }

  #mayAccept(): boolean {
    const { columns, region } = this.#context.shared;
    const own = columns.process.own(ACTIVE_CONNECTIONS);
    return mayTake(own, columns.process.total(ACTIVE_CONNECTIONS), this.plan.connections, region.workers);
  }

  /** Makes room for a new connection by ending one that waits for nothing. */
  #closeOldestIdle(): boolean {
    let looked = 0;
    for (const connection of this.#connections) {
      if (connection.idle) {
        connection.destroy();
        return true;
      }
      if (++looked === MAX_LOOKED_AT) return false;
    }
    return false;
  }

  #closeIdle(): void {
    for (const connection of [...this.#connections]) connection.closeIfIdle();
  }
}
