import type { FoundRoute, ListenerPlan, RoutePlan, ServicePlan, Tables } from '@sluice/engine';
import { type FieldText, HeadWriter } from '../http1/index.ts';
import { NO_SLOT, RouteRequests, type Shared } from '../shared/index.ts';
import {
  BodyBudget,
  CACHED_BODIES_BYTES,
  HELD_BODIES_BYTES,
  MIRRORED_BODIES_BYTES,
  REHEARSED_BODIES_BYTES,
} from './body/whole-body.ts';
import { FruitlessFills, goOnWhenFilled } from './cache/cache-waits.ts';
import { type PostSharedCache, SharedCacheCalls } from './cache/shared-cache-calls.ts';
import { Callers } from './identity/callers.ts';
import { KeyWaits } from './identity/key-waits.ts';
import { KnownConsumers } from './identity/known-consumers.ts';
import { TokenCallers } from './identity/token-callers.ts';
import { goOnWithLease } from './limits/lease-waits.ts';
import { type GuardedWork, OverloadGuard } from './overload-guard.ts';
import { RandomHex } from './random-hex.ts';
import { buildRouteState, type RouteState } from './route-state.ts';
import { TimerWheel } from './timer-wheel.ts';
import { Tunnels } from './tunnel/tunnels.ts';
import { Turns } from './turns.ts';
import { ServiceState } from './upstream/service-state.ts';
import { UpstreamPools } from './upstream/upstream-pool.ts';
import { WaitingRequests } from './waiting-requests.ts';

/** Where a worker's tables come from. */
export interface TableSource {
  /** The worker's one Tables, changed in place. */
  readonly tables: Tables;
  /** Commits what is active by now. False while nothing ever was. Called once per request, when its head is complete. */
  activate(): boolean;
}

export interface ProxyHooks {
  /** A request met a bug and was broken off; the others go on. */
  readonly onBug: (error: unknown) => void;
  /** For tests in the thread of the proxy, whose own work would count as its load. Unset: false. */
  readonly ignoresLoad?: boolean;
  /** Asks for an issuer's keys, among which is not what a token names; `WorkerProxy.keysSettled` answers. Unset: nobody can be asked. */
  readonly onKeysWanted?: (issuer: string) => void;
  /** Takes questions about the cache that nodes share; `WorkerProxy.onSharedCache` answers. Unset: there is none. */
  readonly onSharedCache?: PostSharedCache;
  /** For tests: how long a request waits for that, milliseconds. Unset: 50. */
  readonly recallMs?: number;
  /** Somebody takes the spans of traced requests. Unset: false. */
  readonly recordsSpans?: boolean;
  /** For tests: called with each request before anything is decided. */
  readonly onRequest: ((header: (name: string) => string | undefined) => void) | undefined;
}

/** What all requests of one worker share. */
export class ProxyContext {
  readonly shared: Shared;
  readonly source: TableSource;
  readonly hooks: ProxyHooks;
  readonly wheel: TimerWheel;
  readonly pools: UpstreamPools;
  readonly tunnels = new Tunnels();
  readonly bodyBudget = new BodyBudget(HELD_BODIES_BYTES);
  readonly leaseWaits = new WaitingRequests(goOnWithLease);
  readonly cacheWaits = new WaitingRequests(goOnWhenFilled);
  readonly fruitlessFills = new FruitlessFills();
  /** Of answers on their way into the cache. */
  readonly cacheBudget = new BodyBudget(CACHED_BODIES_BYTES);
  /** Requests of the gateway itself that fetch again what is served stale. */
  behind = 0;
  /** Of the bodies of copies. */
  readonly mirrorBudget = new BodyBudget(MIRRORED_BODIES_BYTES);
  /** Of the copies that schemas in dry run are asked about. */
  readonly rehearsedBudget = new BodyBudget(REHEARSED_BODIES_BYTES);
  /** Copies of requests under way. */
  mirrorCopies = 0;
  readonly sharedCache: SharedCacheCalls;
  readonly callers: Callers;
  readonly tokens: TokenCallers;
  readonly keyWaits: KeyWaits;
  readonly turns: Turns;
  readonly guard: OverloadGuard;
  readonly writer = new HeadWriter();
  readonly ids = new RandomHex();
  /** Series of requests that no route took. */
  readonly unrouted: { readonly requests: RouteRequests; readonly duration: number };
  /** The time of the event being handled, microseconds of the shared clock: read once for each. */
  nowUs = 0;
  #dateSecond = -1;
  #dateLine = '' as FieldText;
  readonly #services = new WeakMap<ServicePlan, ServiceState>();
  readonly #routes = new WeakMap<ListenerPlan, WeakMap<RoutePlan, RouteState>>();

  constructor(shared: Shared, source: TableSource, hooks: ProxyHooks, work: GuardedWork) {
    this.shared = shared;
    this.source = source;
    this.hooks = hooks;
    this.wheel = new TimerWheel(shared.clock);
    this.pools = new UpstreamPools(shared, this.wheel);
    shared.doorbells.listen(() => {
      this.leaseWaits.onRing();
      this.cacheWaits.onRing();
    });
    this.sharedCache = new SharedCacheCalls(shared.sharedCache, hooks.onSharedCache);
    const consumers = new KnownConsumers(shared.region.hashKey);
    this.callers = new Callers(source.tables, shared.region.hashKey, consumers);
    this.tokens = new TokenCallers(source.tables, consumers);
    this.keyWaits = new KeyWaits(hooks.onKeysWanted);
    this.turns = new Turns(shared.clock);
    this.unrouted = {
      requests: new RouteRequests(shared.metrics, NO_SLOT),
      duration: shared.metrics.requestDuration(NO_SLOT),
    };
    this.guard = new OverloadGuard(shared, work, this.turns, this.unrouted.requests, hooks.ignoresLoad ?? false);
  }

  /** An event begins: whatever is done about it happens now. */
  readClock(): void {
    this.nowUs = this.shared.clock.nowUs();
  }

  get nowMs(): number {
    return this.nowUs / 1000;
  }

  /** The Date field of an answer made, or received without one, now (RFC 9110 6.6.1). Written once a second. */
  get dateLine(): FieldText {
    const second = Math.floor(this.nowUs / 1e6);
    if (second !== this.#dateSecond) {
      this.#dateSecond = second;
      this.#dateLine = `date: ${new Date().toUTCString()}\r\n` as FieldText;
    }
    return this.#dateLine;
  }

  /** What is kept ready for a route of the present revision. */
  routeState(found: FoundRoute, listener: ListenerPlan): RouteState {
    const kept = found.kept as RouteState | undefined;
    if (kept !== undefined && kept.listener === listener) return kept;
    const state = this.#routeState(found.plan, listener);
    found.kept = state;
    return state;
  }

  #routeState(plan: RoutePlan, listener: ListenerPlan): RouteState {
    let states = this.#routes.get(listener);
    if (states === undefined) {
      states = new WeakMap();
      this.#routes.set(listener, states);
    }
    let state = states.get(plan);
    if (state === undefined) {
      state = buildRouteState(plan, listener, this.#serviceState, this.shared);
      states.set(plan, state);
    }
    return state;
  }

  readonly #serviceState = (plan: ServicePlan): ServiceState => {
    let state = this.#services.get(plan);
    if (state === undefined) {
      state = new ServiceState(plan, this.shared);
      this.#services.set(plan, state);
    }
    return state;
  };
}
