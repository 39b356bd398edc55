import type { EndpointPlan, ServicePlan } from '@sluice/engine';
import type { Shared } from '../shared/index.ts';
import type { TimerWheel } from './timer-wheel.ts';
import { type ConnectionKeeper, UpstreamConnection } from './upstream-connection.ts';

/** Most connections one worker opens to one endpoint. */
export const MAX_CONNECTIONS = 4096;
/** Most of them that are kept while idle. */
export const MAX_IDLE = 512;

/**
 * One worker's connections to one endpoint, whatever the revision: the one given back last is given out first, so that the others
 * grow idle and are closed.
 */
class EndpointPool implements ConnectionKeeper {
  /** In the order in which they became idle. */
  readonly idle: UpstreamConnection[] = [];
  open = 0;
  idleTimeoutMs = 0;
  /** The endpoint is no longer in the configuration: nothing is kept. */
  retired = false;
  readonly #shared: Shared;
  readonly #slot: number;

  constructor(shared: Shared, slot: number) {
    this.#shared = shared;
    this.#slot = slot;
  }

  opened(): void {
    this.open++;
    this.#shared.columns.connections.add(this.#slot, 1);
  }

  onConnectionClosed(connection: UpstreamConnection): void {
    this.open--;
    this.#shared.columns.connections.add(this.#slot, -1);
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }
}

/** One worker's upstream connections, by endpoint slot. */
export class UpstreamPools {
  readonly #shared: Shared;
  readonly #wheel: TimerWheel;
  readonly #pools = new Map<number, EndpointPool>();

  constructor(shared: Shared, wheel: TimerWheel) {
    this.#shared = shared;
    this.#wheel = wheel;
  }

  /** An idle connection, the most recently used, or undefined. */
  takeIdle(endpoint: EndpointPlan): UpstreamConnection | undefined {
    const pool = this.#pools.get(endpoint.slot);
    if (pool === undefined) return undefined;
    for (let connection = pool.idle.pop(); connection !== undefined; connection = pool.idle.pop()) {
      if (connection.usable) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** A new connection, on which may be written at once; undefined where there are too many. */
  open(endpoint: EndpointPlan, service: ServicePlan, nowMs: number): UpstreamConnection | undefined {
    const pool = this.#poolOf(endpoint.slot);
    pool.idleTimeoutMs = service.idleTimeoutMs;
    pool.retired = false;
    if (pool.open >= MAX_CONNECTIONS) return undefined;
    pool.opened();
    return new UpstreamConnection(endpoint, pool, this.#wheel, nowMs + service.connectTimeoutMs);
  }

  /** Takes back a connection on which an exchange was completed: nothing of it is still to come or to be sent. */
  giveBack(connection: UpstreamConnection, nowMs: number): void {
    const pool = this.#poolOf(connection.endpoint.slot);
    if (!connection.usable || pool.retired || pool.idle.length >= MAX_IDLE) {
      connection.destroy();
      return;
    }
    connection.rest(nowMs);
    pool.idle.push(connection);
  }

  /** Closes what has been idle for too long. */
  closeExpired(nowMs: number): void {
    for (const [slot, pool] of this.#pools) {
      const { idle } = pool;
      while (idle.length > 0 && (idle[0] as UpstreamConnection).idleSinceMs + pool.idleTimeoutMs <= nowMs) {
        (idle[0] as UpstreamConnection).destroy();
      }
      if (pool.open === 0) this.#pools.delete(slot);
    }
  }

  /** Closes the idle connections of endpoints that are not in `kept`; busy ones follow when they become idle. */
  retain(kept: ReadonlySet<number>): void {
    for (const [slot, pool] of this.#pools) {
      if (kept.has(slot)) continue;
      pool.retired = true;
      for (const connection of [...pool.idle]) connection.destroy();
    }
  }

  /** Slots of the endpoints that have connections. */
  get isEmpty(): boolean {
    return this.#pools.size === 0;
  }

  /** Closes everything that is idle. */
  closeIdle(): void {
    for (const pool of this.#pools.values()) for (const connection of [...pool.idle]) connection.destroy();
  }

  #poolOf(slot: number): EndpointPool {
    let pool = this.#pools.get(slot);
    if (pool === undefined) {
      pool = new EndpointPool(this.#shared, slot);
      this.#pools.set(slot, pool);
    }
    return pool;
  }
}
