import {
  type Eligible,
  type EndpointPlan,
  isPanic,
  pickByHash,
  pickLeastRequest,
  pickRandom,
  pickRoundRobin,
  type RoundRobin,
  roundRobin,
  type ServicePlan,
  SLOW_START_STEPS,
  slowStartShare,
  type WeightedSet,
  weightedSet,
} from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';

/** How an endpoint stands; a pick takes what stands highest, and what is out never. */
const OUT = 0;
const USABLE = 1;
const PREFERRED = 2;

/**
 * Chooses among the endpoints of one service of one revision, for one worker. Who may be chosen and with what weight is worked out
 * when the health of any endpoint has changed or a time has come that was known before, and is good until then.
 */
export class EndpointChoice {
  readonly #plan: ServicePlan;
  readonly #shared: Shared;
  readonly #standings: Uint8Array;
  /** Ascending. */
  readonly #priorities: readonly number[];
  readonly #fullSet: WeightedSet;
  #set: WeightedSet;
  readonly #position: RoundRobin;
  readonly #eligible: Eligible;
  readonly #inFlight: (index: number) => number;
  #avoided = -1;
  #least = PREFERRED;
  #healthChanges = -1;
  #goodUntilMs = Number.POSITIVE_INFINITY;

  constructor(plan: ServicePlan, shared: Shared) {
    const { endpoints } = plan;
    this.#plan = plan;
    this.#shared = shared;
    this.#standings = new Uint8Array(endpoints.length);
    this.#priorities = [...new Set(endpoints.map(({ priority }) => priority))].sort((a, b) => a - b);
    this.#fullSet = weightedSet(endpoints.map(({ weight }) => weight));
    this.#set = this.#fullSet;
    this.#position = roundRobin(this.#fullSet, Math.random);
    this.#eligible = (index) =>
      (this.#standings[index] as number) >= this.#least && (endpoints[index] as EndpointPlan).slot !== this.#avoided;
    this.#inFlight = (index) => shared.columns.inFlight.total((endpoints[index] as EndpointPlan).slot);
  }

  /**
   * An endpoint that is healthy and not ejected, or any one in a panic; of the first priority that has enough of them, and of the
   * node's own zone where that is preferred and has enough;
   * other than the one with slot `avoided` where there is another. Undefined where none may be used. `hash`: of the request, where the
   * service is balanced by it.
   */
  pick(avoided: number, hash: number, nowMs: number): EndpointPlan | undefined {
    const changes = this.#shared.endpointHealth.changes();
    if (changes !== this.#healthChanges || nowMs >= this.#goodUntilMs) this.#refresh(changes, nowMs);
    this.#avoided = avoided;
    this.#least = PREFERRED;
    let index = this.#pick(hash);
    if (index < 0) {
      this.#least = USABLE;
      index = this.#pick(hash);
    }
    if (index < 0 && avoided >= 0) {
      this.#avoided = -1;
      this.#least = PREFERRED;
      index = this.#pick(hash);
    }
    return this.#plan.endpoints[index];
  }

  /** Whether there is an endpoint to pick. */
  hasAny(nowMs: number): boolean {
    return this.pick(-1, 0, nowMs) !== undefined;
  }

  #pick(hash: number): number {
    if (this.#plan.endpoints.length === 1) return this.#eligible(0) ? 0 : -1;
    const { balancer } = this.#plan;
    switch (balancer.kind) {
      case 'roundRobin':
        return pickRoundRobin(this.#position, this.#eligible);
      case 'leastRequest':
        return pickLeastRequest(this.#set, this.#inFlight, this.#eligible, Math.random);
      case 'random':
        return pickRandom(this.#set, this.#eligible, Math.random);
      case 'consistentHash':
        return pickByHash(balancer.table, hash, this.#eligible);
      default:
        return balancer satisfies never;
    }
  }

  #refresh(changes: number, nowMs: number): void {
    this.#healthChanges = changes;
    this.#goodUntilMs = Number.POSITIVE_INFINITY;
    this.#judge(nowMs);
    this.#preferZone();
    if (this.#plan.slowStartMs > 0) this.#weigh(nowMs);
  }

  /** Who is healthy and not ejected; where that are too few, all. */
  #judge(nowMs: number): void {
    const { endpoints, outliers: policy, panicPercent } = this.#plan;
    const { endpointHealth, outliers } = this.#shared;
    let usable = 0;
    endpoints.forEach(({ slot }, index) => {
      const untilMs = policy === undefined ? 0 : outliers.untilMs(slot);
      if (untilMs > nowMs) this.#goodUntilMs = Math.min(this.#goodUntilMs, untilMs);
      const isUsable = untilMs <= nowMs && endpointHealth.isHealthy(slot);
      this.#standings[index] = isUsable ? PREFERRED : OUT;
      if (isUsable) usable++;
    });
    if (this.#priorities.length > 1 && this.#preferPriority()) return;
    if (isPanic(usable, endpoints.length, panicPercent)) this.#standings.fill(PREFERRED);
  }

  /** The first priority that has enough of its endpoints left: the others are only there for want of another. False: none has. */
  #preferPriority(): boolean {
    const { endpoints, panicPercent } = this.#plan;
    const chosen = this.#priorities.find((wanted) => {
      let all = 0;
      let usable = 0;
      endpoints.forEach(({ priority }, index) => {
        if (priority !== wanted) return;
        all++;
        if (this.#standings[index] !== OUT) usable++;
      });
      return usable > 0 && !isPanic(usable, all, panicPercent);
    });
    if (chosen === undefined) return false;
    endpoints.forEach(({ priority }, index) => {
      if (priority !== chosen && this.#standings[index] !== OUT) this.#standings[index] = USABLE;
    });
    return true;
  }

  /** Where the node's own zone has enough of its endpoints left, the others are only there for want of another. */
  #preferZone(): void {
    const { endpoints, preferredZone, panicPercent } = this.#plan;
    if (preferredZone === undefined) return;
    let all = 0;
    let usable = 0;
    endpoints.forEach(({ zone }, index) => {
      if (zone !== preferredZone) return;
      all++;
      if (this.#standings[index] !== OUT) usable++;
    });
    if (usable === 0 || isPanic(usable, all, panicPercent)) return;
    endpoints.forEach(({ zone }, index) => {
      if (zone !== preferredZone && this.#standings[index] !== OUT) this.#standings[index] = USABLE;
    });
  }

  /** Weights with the share that endpoints have so far that came, or came back, not long ago. */
  #weigh(nowMs: number): void {
    const { endpoints, slowStartMs } = this.#plan;
    const { endpointHealth, outliers } = this.#shared;
    let isWhole = true;
    const weights = endpoints.map(({ slot, weight }) => {
      const sinceMs = Math.max(endpointHealth.sinceMs(slot), outliers.untilMs(slot));
      const share = sinceMs === 0 ? 1 : slowStartShare(nowMs - sinceMs, slowStartMs);
      if (share < 1) isWhole = false;
      return weight * share;
    });
    this.#set = isWhole ? this.#fullSet : weightedSet(weights);
    this.#position.set = this.#set;
    if (!isWhole) this.#goodUntilMs = Math.min(this.#goodUntilMs, nowMs + slowStartMs / SLOW_START_STEPS);
  }
}
