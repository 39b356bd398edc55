import { type EndpointPlan, isOwed, passesOn, type ServicePlan } from '@sluice/engine';
import { OVERFLOW_SLOT, type Shared } from '../../shared/index.ts';
import type { TimerWheel } from '../timer-wheel.ts';
import { type ConnectionKeeper, UpstreamConnection } from './upstream-connection.ts';

/** Most connections of one worker to one endpoint that are kept while idle. */
const MAX_IDLE = 512;
/**
 * How long a connection is used at most, from three quarters of this on at random: upstreams that were added behind one address get
 * their share, and no two connections opened together are closed together.
 */
export const MAX_LIFETIME_MS = 3_600_000;
/** Who passed a connection on to another worker takes none back for so long. */
const YIELD_MS = 20;

/** A request that waits for a connection. */
export interface ConnectionWaiter {
  /** Where it is to go. */
  readonly waitsFor: EndpointPlan;
  /** Only a new connection will do: it takes the place of one from the pool that was dead. */
  readonly wantsNew: boolean;
  /** It waits no longer and has the connection. */
  onConnection(connection: UpstreamConnection): void;
}

/**
 * One worker's connections to one endpoint, whatever the revision: the one given back last is given out first, so that the others
 * grow idle and are closed. Requests beyond what the node may open to the endpoint wait here, first come first served.
 *
 * The cap holds for all workers together, exactly. Each shows in its columns what it has and who waits; whoever has more than its
 * share passes on to whoever has less, and an idle connection is closed for whoever waits.
 */
export class EndpointPool implements ConnectionKeeper {
  /** In the order in which they became idle. */
  readonly idle: UpstreamConnection[] = [];
  readonly waiting = new Set<ConnectionWaiter>();
  open = 0;
  /** The endpoint is no longer in the configuration: nothing is kept. */
  retired = false;
  readonly #shared: Shared;
  readonly #wheel: TimerWheel;
  readonly #slot: number;
  #service: ServicePlan;
  /** Another worker may be waiting for a connection to this endpoint. */
  #wanted = false;
  #yieldUntilMs = 0;

  constructor(shared: Shared, wheel: TimerWheel, slot: number, service: ServicePlan) {
    this.#shared = shared;
    this.#wheel = wheel;
    this.#slot = slot;
    this.#service = service;
  }

  /** What it says now about connections. */
  set service(service: ServicePlan) {
    this.#service = service;
    this.retired = false;
  }

  /** An idle connection, the most recently used, or undefined. */
  takeIdle(nowMs: number): UpstreamConnection | undefined {
    const { idle } = this;
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (connection.usable && connection.idleSinceMs + this.#service.idleTimeoutMs > nowMs) return connection;
      connection.destroy();
    }
    return undefined;
  }

  /** A new connection, on which may be written at once; undefined where others go first or the node has all it may. */
  tryOpen(endpoint: EndpointPlan, nowMs: number): UpstreamConnection | undefined {
    const { columns } = this.#shared;
    const { connectionsPerEndpoint: cap, connectTimeoutMs } = this.#service;
    if (this.#othersGoFirst(nowMs)) return undefined;
    if (!columns.connections.tryAdd(this.#slot, cap)) return undefined;
    this.open++;
    const connection = new UpstreamConnection(endpoint, this, this.#wheel, nowMs + connectTimeoutMs);
    connection.expiresAtMs = nowMs + MAX_LIFETIME_MS * (0.75 + Math.random() / 4);
    return connection;
  }

  /** False: as many requests wait on the node as may. */
  enqueue(waiter: ConnectionWaiter, nowMs: number): boolean {
    const { columns } = this.#shared;
    if (!columns.pending.tryAdd(this.#service.slot, this.#service.pendingRequests)) return false;
    columns.waiting.add(this.#slot, 1);
    this.waiting.add(waiter);
    this.callOthers();
    // Shown to be waiting, it is missed by nobody who gives back from now on; who did just before is seen here.
    this.serve(nowMs);
    return true;
  }

  /** It waits no longer. */
  leave(waiter: ConnectionWaiter): void {
    if (!this.waiting.delete(waiter)) return;
    const { columns } = this.#shared;
    columns.pending.add(this.#service.slot, -1);
    columns.waiting.add(this.#slot, -1);
  }

  /** Takes back a connection on which an exchange was completed: nothing of it is still to come or to be sent. */
  giveBack(connection: UpstreamConnection, nowMs: number): void {
    if (!connection.usable || this.retired || nowMs >= connection.expiresAtMs || this.#slot === OVERFLOW_SLOT) {
      connection.destroy();
      return;
    }
    if ((this.#wanted || this.waiting.size > 0) && this.#passesOn()) {
      this.#yieldUntilMs = nowMs + YIELD_MS;
      connection.destroy();
      return;
    }
    const next = this.waiting.size > 0 ? this.#first() : undefined;
    if (next?.wantsNew === true || this.idle.length >= MAX_IDLE) {
      connection.destroy();
      return;
    }
    connection.rest(nowMs);
    if (next === undefined) this.idle.push(connection);
    else this.#hand(next, connection);
  }

  /** Serves those who wait while there is something for them. */
  serve(nowMs: number): void {
    while (this.waiting.size > 0) {
      const waiter = this.#first();
      const connection = this.tryOpen(waiter.waitsFor, nowMs);
      if (connection === undefined) return;
      this.#hand(waiter, connection);
    }
  }

  /** Another worker rang: who waits there gets what is idle here. */
  onRing(nowMs: number): void {
    const { columns } = this.#shared;
    this.#yieldUntilMs = 0;
    const others = columns.waiting.total(this.#slot) - this.waiting.size;
    this.#wanted = others > 0;
    let room = this.#service.connectionsPerEndpoint - columns.connections.total(this.#slot);
    for (; room < others && this.idle.length > 0; room++) (this.idle[0] as UpstreamConnection).destroy();
    this.serve(nowMs);
  }

  /** Has the workers that hold connections look whether they can spare one. */
  callOthers(): void {
    const { columns, doorbells, region, writer } = this.#shared;
    for (let worker = 0; worker < region.writers; worker++) {
      if (worker !== writer && columns.connections.of(worker, this.#slot) > 0) doorbells.ring(worker);
    }
  }

  onConnectionClosed(connection: UpstreamConnection): void {
    const { columns, clock } = this.#shared;
    this.open--;
    columns.connections.add(this.#slot, -1);
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
    this.#callWaiting();
    if (this.waiting.size > 0) this.serve(clock.nowMs());
  }

  /** Closes what has been idle for too long, is too old, or is more than the cap now allows. */
  closeExpired(nowMs: number): void {
    const { idle } = this;
    const { columns } = this.#shared;
    const { idleTimeoutMs, connectionsPerEndpoint } = this.#service;
    for (const connection of [...idle]) {
      const isLate = connection.idleSinceMs + idleTimeoutMs <= nowMs || connection.expiresAtMs <= nowMs;
      if (isLate || columns.connections.total(this.#slot) > connectionsPerEndpoint) connection.destroy();
    }
  }

  /**
   * A request on a connection from the pool brought no answer in time. Where none came on any other since `sinceMs` either, the
   * endpoint may have vanished without a word, and what is idle would let the next requests wait in vain too.
   */
  suspect(sinceMs: number): void {
    const newest = this.idle.at(-1);
    if (newest !== undefined && newest.idleSinceMs < sinceMs) this.closeIdle();
  }

  closeIdle(): void {
    for (const connection of [...this.idle]) connection.destroy();
  }

  #hand(waiter: ConnectionWaiter, connection: UpstreamConnection): void {
    this.leave(waiter);
    waiter.onConnection(connection);
  }

  #first(): ConnectionWaiter {
    return this.waiting.values().next().value as ConnectionWaiter;
  }

  /** Rings who waits for a connection of this endpoint. */
  #callWaiting(): void {
    const { columns, doorbells, region, writer } = this.#shared;
    for (let worker = 0; worker < region.writers; worker++) {
      if (worker !== writer && columns.waiting.of(worker, this.#slot) > 0) doorbells.ring(worker);
    }
  }

  #othersGoFirst(nowMs: number): boolean {
    if (nowMs < this.#yieldUntilMs) return this.#shared.columns.waiting.total(this.#slot) > this.waiting.size;
    return (
      !isOwed(this.open, this.#service.connectionsPerEndpoint, this.#shared.region.workers) && this.#someoneIsOwed()
    );
  }

  /** Whether a connection that becomes free is for another worker. */
  #passesOn(): boolean {
    const { columns, region } = this.#shared;
    const { connectionsPerEndpoint: cap } = this.#service;
    this.#wanted = columns.waiting.total(this.#slot) > this.waiting.size;
    if (!this.#wanted || columns.connections.total(this.#slot) < cap) return false;
    return this.waiting.size === 0 || (passesOn(this.open, cap, region.workers) && this.#someoneIsOwed());
  }

  /** Another worker waits and has less than its share. */
  #someoneIsOwed(): boolean {
    const { columns, region, writer } = this.#shared;
    const { connectionsPerEndpoint: cap } = this.#service;
    for (let worker = 0; worker < region.writers; worker++) {
      const waits = worker !== writer && columns.waiting.of(worker, this.#slot) > 0;
      if (waits && isOwed(columns.connections.of(worker, this.#slot), cap, region.workers)) return true;
    }
    return false;
  }
}
