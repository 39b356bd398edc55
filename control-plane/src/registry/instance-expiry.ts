import { DEFAULT_REGISTRY_TTL_MS, INSTANCE_KIND, type Log } from '@sluice/engine';
import type { ControlContext } from '../config/context.ts';
import { done } from '../config/outcome.ts';
import { changeFacts } from '../facts/change-facts.ts';
import type { HeartbeatStore } from './heartbeats.ts';
import { ttlOf } from './instances.ts';

export interface InstanceExpiryOptions {
  readonly context: ControlContext;
  readonly store: HeartbeatStore;
  readonly log: Log;
  /** Between two looks. Default 500 ms. */
  readonly intervalMs?: number;
  /** A monotonic clock, in milliseconds. */
  readonly clock?: () => number;
}

/** Instances taken away in one version. */
const MAX_AT_ONCE = 1_000;
/** Rows that say nothing any more are kept for so long: an instance that registers is heard of before it is there. */
const ORPHANED_MS = 3_600_000;
/** Looks further apart than this had this process, or the database, stand still: nobody could be heard meanwhile. */
const STOOD_STILL_LOOKS = 4;

/**
 * Takes away instances that were not heard of for the ttl of their service. Every replica looks, by the database's clock. Who was not
 * there to hear blames nobody: an instance is late only where this replica and the database were there, without a break, for its ttl.
 */
export class InstanceExpiry {
  readonly #options: InstanceExpiryOptions;
  readonly #clock: () => number;
  readonly #intervalMs: number;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  /** Since when instances can be heard. Undefined: they cannot now. */
  #hearsSinceMs: number | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(options: InstanceExpiryOptions) {
    this.#options = options;
    this.#clock = options.clock ?? (() => performance.now());
    this.#intervalMs = options.intervalMs ?? 500;
    this.#timer = setInterval(() => {
      this.#running ??= this.look().finally(() => {
        this.#running = undefined;
      });
    }, this.#intervalMs).unref();
  }

  /** Waits for the look that is under way. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** One look. While the database is away nobody is late. */
  async look(): Promise<void> {
    const { context, log } = this.#options;
    const nowMs = this.#clock();
    const stoodStill = nowMs - this.#lookedMs > STOOD_STILL_LOOKS * this.#intervalMs;
    this.#lookedMs = nowMs;
    if (stoodStill) this.#hearsSinceMs = undefined;
    if (context.state.facts.countOf(INSTANCE_KIND) === 0) {
      this.#hearsSinceMs ??= nowMs;
      return;
    }
    try {
      if (this.#hearsSinceMs === undefined) await this.#begin(nowMs);
      else await this.#takeLateAway(nowMs - this.#hearsSinceMs);
    } catch (error) {
      this.#hearsSinceMs = undefined;
      log.debug('it is not known which instances are there', { reason: String(error) });
    }
  }

  /** Instances that nothing is known of, as in a database that was restored, are heard of from now on. */
  async #begin(nowMs: number): Promise<void> {
    const { context, store } = this.#options;
    const names = [...context.state.facts.itemsOf(INSTANCE_KIND)].map(({ name }) => name);
    await store.saveHeartbeats(names, true);
    this.#hearsSinceMs = nowMs;
  }

  async #takeLateAway(hearsForMs: number): Promise<void> {
    const { context, store, log } = this.#options;
    const ttls = this.#ttls();
    const shortestMs = Math.min(...ttls.values(), ORPHANED_MS);
    if (hearsForMs < shortestMs) return;
    const { facts } = context.state;
    // Those of a long ttl are among them though they are not late, and must leave room for the others.
    const rows = await store.listLateInstances(shortestMs, facts.countOf(INSTANCE_KIND) + MAX_AT_ONCE);
    if (rows.length === 0) return;
    const orphaned = rows.filter(
      ({ name, silentMs }) => silentMs > ORPHANED_MS && facts.get(INSTANCE_KIND, name) === undefined,
    );
    await store.forgetHeartbeats(orphaned.map(({ name }) => name));
    const late = rows.filter(({ name, silentMs }) => {
      const ttlMs = ttls.get(serviceOf(name));
      return ttlMs !== undefined && silentMs > ttlMs && hearsForMs > ttlMs;
    });
    late.splice(MAX_AT_ONCE);
    if (late.length === 0) return;
    const outcome = await changeFacts(context, () => {
      const items = late.filter(({ name }) => facts.get(INSTANCE_KIND, name) !== undefined);
      if (items.length === 0) return done(undefined);
      return done({
        action: 'instance.expire',
        author: 'sluice',
        detail: 'no heartbeat',
        items: items.map(({ name }) => ({ kind: INSTANCE_KIND, name, content: undefined })),
      });
    });
    if (!outcome.ok) return;
    await store.forgetHeartbeats(late.map(({ name }) => name));
    for (const { name, silentMs } of late) {
      log.warn('an instance is gone: no heartbeat', { instance: name, silentMs: Math.round(silentMs) });
    }
  }

  /** Of the services that have instances. */
  #ttls(): ReadonlyMap<string, number> {
    const { context } = this.#options;
    const ttls = new Map<string, number>();
    for (const { name } of context.state.facts.itemsOf(INSTANCE_KIND)) {
      const service = serviceOf(name);
      if (ttls.has(service)) continue;
      const ttl = ttlOf(context, service);
      // Of a service that is not there, or whose instances do not register any more.
      ttls.set(service, ttl.ok ? ttl.value : DEFAULT_REGISTRY_TTL_MS);
    }
    return ttls;
  }
}

function serviceOf(name: string): string {
  return name.slice(0, name.indexOf('/'));
}
