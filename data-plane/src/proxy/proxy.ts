import type { Shared, SharedCacheReply } from '../shared/index.ts';
import { BoundListener } from './downstream/bound-listener.ts';
import type { DownstreamConnection } from './downstream/downstream-connection.ts';
import type { GuardedWork } from './overload-guard.ts';
import { ProxyContext, type ProxyHooks, type TableSource } from './proxy-context.ts';

/** How often connections are looked through: idle upstream ones, and what is beyond a cap. */
const HOUSEKEEPING_MS = 1000;

/** What one worker does with connections and requests: listeners, their connections, and the connections to upstreams. */
export class WorkerProxy implements GuardedWork {
  readonly #context: ProxyContext;
  readonly #listeners = new Map<string, BoundListener>();
  readonly #housekeeping: NodeJS.Timeout;
  #epoch = -1;

  constructor(shared: Shared, source: TableSource, hooks: ProxyHooks) {
    this.#context = new ProxyContext(shared, source, hooks, this);
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS).unref();
  }

  /**
   * Listens; resolves with the port, rejects with the system's error. `exclusive`: without reusePort.
   */
  async listen(name: string, host: string, port: number, exclusive = false): Promise<number> {
    const listener = new BoundListener(this.#context, name, host, port);
    const bound = await listener.listen(exclusive);
    this.#listeners.get(name)?.close();
    this.#listeners.set(name, listener);
    return bound;
  }

  /** Accepts no more on a listener; resolves when its last connection is closed, which takes `deadlineMs` at most. */
  async unlisten(name: string, deadlineMs: number): Promise<void> {
    const listener = this.#listeners.get(name);
    this.#listeners.delete(name);
    await listener?.leave(deadlineMs);
  }

  /** From now on every answer is its connection's last; connections are still accepted. */
  tellLeaving(): void {
    for (const listener of this.#listeners.values()) listener.leaving = true;
  }

  /** All that can be known of an issuer's keys is known; asking again is of no use before `againInMs`. */
  keysSettled(issuer: string, againInMs: number): void {
    this.#context.source.activate();
    this.#context.keyWaits.settled(issuer, againInMs, this.#context.shared.clock.nowMs());
  }

  /** The store of the cache that nodes share has answered. */
  onSharedCache(reply: SharedCacheReply): void {
    this.#context.sharedCache.onReply(reply);
  }

  /**
   * Leaves: accepts no more, and every answer is its connection's last. Resolves with the number of requests that were cut at the deadline.
   */
  async drain(deadlineMs: number): Promise<number> {
    const cut = await Promise.all([...this.#listeners.values()].map((listener) => listener.leave(deadlineMs)));
    this.#listeners.clear();
    return cut.reduce((total, count) => total + count, 0);
  }

  /** Ends everything at once. */
  close(): void {
    clearInterval(this.#housekeeping);
    this.#context.guard.close();
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    this.#context.pools.close();
    this.#context.wheel.close();
  }

  *connections(): Generator<DownstreamConnection> {
    for (const listener of this.#listeners.values()) yield* listener.connections;
  }

  get acceptedConnections(): number {
    let accepted = 0;
    for (const listener of this.#listeners.values()) accepted += listener.accepted;
    return accepted;
  }

  setBacklog(backlog: number): void {
    for (const listener of this.#listeners.values()) listener.setBacklog(backlog);
  }

  #keepHouse(): void {
    const { pools, shared, source, tunnels } = this.#context;
    for (const listener of this.#listeners.values()) listener.keepHouse();
    tunnels.endRevoked(source.tables, Date.now());
    if (pools.isEmpty) return;
    if (this.#epoch !== source.tables.epoch) {
      this.#epoch = source.tables.epoch;
      pools.retain(new Map(source.tables.endpointSlots()));
    }
    pools.keepHouse(shared.clock.nowMs());
  }
}
