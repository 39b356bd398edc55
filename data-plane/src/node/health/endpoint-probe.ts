import { isDeepStrictEqual } from 'node:util';
import {
  afterProbe,
  type EndpointPlan,
  type HealthCheckPlan,
  type HealthState,
  type Log,
  UNPROBED,
} from '@sluice/engine';
import type { EndpointHealth } from '../../shared/index.ts';
import type { Turns } from '../turns.ts';
import { probe } from './probe.ts';

export interface ProbeContext {
  readonly health: EndpointHealth;
  readonly turns: Turns;
  readonly log: Log;
}

/** What the probes of an endpoint say. */
export interface ProbeView {
  /** What the last one found wrong. Undefined: nothing, or it was not asked yet. */
  readonly failure: string | undefined;
  /** Since when the endpoint counts as it does, in milliseconds of the wall clock. Undefined: since it came. */
  readonly changedAtMs: number | undefined;
}

/** The first probes of endpoints that come together are spread over at most this. */
const MAX_FIRST_WAIT_MS = 1_000;
/** Intervals differ by a fifth, so that endpoints are not asked in step. */
const JITTER = 0.2;
/** A result that comes this much after its time, or a quarter of it where that is more, was held up by this process. */
const LATE_MS = 100;

/** The one prober of an endpoint of this node, whatever the revision. Its health is what the last probes said. */
export class EndpointProbe {
  readonly #context: ProbeContext;
  readonly #service: string;
  readonly #endpoint: EndpointPlan;
  #plan: HealthCheckPlan;
  #state: HealthState = UNPROBED;
  #failure: string | undefined;
  #changedAtMs: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(context: ProbeContext, service: string, endpoint: EndpointPlan, plan: HealthCheckPlan) {
    this.#context = context;
    this.#service = service;
    this.#endpoint = endpoint;
    this.#plan = plan;
    this.#schedule(Math.random() * Math.min(plan.intervalMs, MAX_FIRST_WAIT_MS));
  }

  /** From now on by this plan. What is known of the endpoint stays. */
  update(plan: HealthCheckPlan): void {
    if (isDeepStrictEqual(plan, this.#plan)) return;
    this.#plan = plan;
    // One that is under way schedules the next by itself.
    if (this.#timer !== undefined) this.#schedule(Math.random() * Math.min(plan.intervalMs, MAX_FIRST_WAIT_MS));
  }

  view(): ProbeView {
    return { failure: this.#failure, changedAtMs: this.#changedAtMs };
  }

  /** Probes no more; the endpoint counts as one that nobody has looked at. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#context.health.setHealthy(this.#endpoint.slot, true);
  }

  #schedule(waitMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#context.turns.run(() => this.#probe());
    }, waitMs).unref();
  }

  async #probe(): Promise<void> {
    if (this.#closed) return;
    const plan = this.#plan;
    const startedMs = performance.now();
    const failure = await probe(plan.probe, this.#endpoint, plan.timeoutMs);
    if (this.#closed) return;
    const overdueMs = performance.now() - startedMs - plan.timeoutMs;
    if (overdueMs > Math.max(LATE_MS, plan.timeoutMs / 4)) {
      this.#context.log.warn('a probe was held up by the node itself and says nothing', this.#names());
    } else this.#judge(failure, plan);
    this.#schedule(this.#plan.intervalMs * (1 + JITTER * (Math.random() - 0.5)));
  }

  #judge(failure: string | undefined, plan: HealthCheckPlan): void {
    const { health, log } = this.#context;
    const before = this.#state;
    this.#failure = failure;
    this.#state = afterProbe(before, failure === undefined, plan);
    if (this.#state.healthy === before.healthy) return;
    this.#changedAtMs = Date.now();
    health.setHealthy(this.#endpoint.slot, this.#state.healthy);
    if (this.#state.healthy) log.info('endpoint is healthy', this.#names());
    else log.warn('endpoint is unhealthy', { ...this.#names(), reason: failure });
  }

  #names(): { readonly service: string; readonly endpoint: string } {
    return { service: this.#service, endpoint: this.#endpoint.address };
  }
}
