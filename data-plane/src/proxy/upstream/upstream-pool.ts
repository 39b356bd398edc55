import type { EndpointPlan, ServicePlan } from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';
import { type TimerOwner, type TimerWheel, WheelTimer } from '../timer-wheel.ts';
import { type ConnectionWaiter, EndpointPool } from './endpoint-pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** While requests wait for what another worker has, this often it is looked again, should a ring have been missed. */
const LOOK_AGAIN_MS = 100;

/** One worker's upstream connections, by endpoint slot. */
export class UpstreamPools implements TimerOwner {
  readonly #shared: Shared;
  readonly #wheel: TimerWheel;
  readonly #pools = new Map<number, EndpointPool>();
  readonly #lookAgain: WheelTimer = new WheelTimer(this);

  constructor(shared: Shared, wheel: TimerWheel) {
    this.#shared = shared;
    this.#wheel = wheel;
    shared.doorbells.listen(() => this.#onRing());
  }

  /** An idle connection, the most recently used, or else a new one, on which may be written at once; undefined: wait. */
  take(endpoint: EndpointPlan, service: ServicePlan, nowMs: number): UpstreamConnection | undefined {
    const pool = this.#poolOf(endpoint, service);
    // First come, first served.
    if (pool.waiting.size > 0) return undefined;
    return pool.takeIdle(nowMs) ?? pool.tryOpen(endpoint, nowMs);
  }

  /** As `take`, but never one that was used before. */
  takeNew(endpoint: EndpointPlan, service: ServicePlan, nowMs: number): UpstreamConnection | undefined {
    const pool = this.#poolOf(endpoint, service);
    if (pool.waiting.size > 0) return undefined;
    const connection = pool.tryOpen(endpoint, nowMs);
    if (connection !== undefined || pool.idle.length === 0) return connection;
    // The node has all it may, and one of them is idle here: room for a new one.
    (pool.idle[0] as UpstreamConnection).destroy();
    return pool.tryOpen(endpoint, nowMs);
  }

  /**
   * Has a request wait; it may have its connection before this returns. False: too many wait already. The pool it then waits in has
   * `leave`.
   */
  enqueue(waiter: ConnectionWaiter, service: ServicePlan, nowMs: number): boolean {
    const pool = this.#poolOf(waiter.waitsFor, service);
    if (!pool.enqueue(waiter, nowMs)) {
      this.#shared.metrics.overflow('pending');
      return false;
    }
    this.#wheel.arm(this.#lookAgain, nowMs + LOOK_AGAIN_MS);
    return true;
  }

  /** A request that waited gives up. */
  leave(waiter: ConnectionWaiter): void {
    this.#pools.get(waiter.waitsFor.slot)?.leave(waiter);
  }

  /** See `EndpointPool.suspect`. */
  suspect(endpoint: EndpointPlan, sinceMs: number): void {
    this.#pools.get(endpoint.slot)?.suspect(sinceMs);
  }

  /** Closes what was idle or in use for too long, and looks whether someone who waits can be served. */
  keepHouse(nowMs: number): void {
    for (const [slot, pool] of this.#pools) {
      pool.closeExpired(nowMs);
      pool.serve(nowMs);
      if (pool.open === 0 && pool.waiting.size === 0) this.#pools.delete(slot);
    }
  }

  /**
   * Closes the idle connections of endpoints that are not in `kept`; busy ones follow when they become idle. The others keep to what
   * their service says now, also where no request comes any more: others may wait here, or elsewhere for what is idle here.
   */
  retain(kept: ReadonlyMap<number, ServicePlan>): void {
    for (const [slot, pool] of this.#pools) {
      const service = kept.get(slot);
      if (service !== undefined) {
        pool.service = service;
        continue;
      }
      pool.retired = true;
      pool.closeIdle();
    }
  }

  /** No endpoint has connections. */
  get isEmpty(): boolean {
    return this.#pools.size === 0;
  }

  /** Closes everything that is idle, for good. */
  close(): void {
    this.#shared.doorbells.close();
    for (const pool of this.#pools.values()) pool.closeIdle();
  }

  onTimer(): void {
    const nowMs = this.#shared.clock.nowMs();
    let waits = false;
    for (const pool of this.#pools.values()) {
      if (pool.waiting.size === 0) continue;
      pool.onRing(nowMs);
      if (pool.waiting.size === 0) continue;
      waits = true;
      pool.callOthers();
    }
    if (waits) this.#wheel.arm(this.#lookAgain, nowMs + LOOK_AGAIN_MS);
  }

  #onRing(): void {
    const nowMs = this.#shared.clock.nowMs();
    for (const pool of this.#pools.values()) pool.onRing(nowMs);
  }

  #poolOf(endpoint: EndpointPlan, service: ServicePlan): EndpointPool {
    let pool = this.#pools.get(endpoint.slot);
    if (pool === undefined) {
      pool = new EndpointPool(this.#shared, this.#wheel, endpoint.slot, service);
      this.#pools.set(endpoint.slot, pool);
    } else pool.service = service;
    return pool;
  }
}
