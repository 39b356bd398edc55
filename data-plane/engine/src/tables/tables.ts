import type { JsonObject } from '../jwt/unique-json.ts';
import type { ParsedPath } from '../router/parse-path.ts';
import type { RouteRequest } from '../router/route-match.ts';
import { Router } from '../router/router.ts';
import type { ActiveChange } from './active-set.ts';
import type { PolicyFields } from './build-policy.ts';
import type { BuiltRoute } from './build-route.ts';
import type { BuildContext, BuiltItem, ItemKey } from './built-item.ts';
import type { ApiKeyPlan, ApiKeySource, ConsumerPlan, IssuerPlan } from './caller-plan.ts';
import { IssuerTable } from './issuer-table.ts';
import { joinRoute } from './join-route.ts';
import type { FoundRoute, ListenerPlan, RouteFinding, RoutePlan } from './plan.ts';
import { RevokedTokens } from './revoked-tokens.ts';
import { pathRewriteFor } from './rewrite.ts';
import type { ServicePlan } from './service-plan.ts';
import { ServiceTable } from './service-table.ts';
import { type StagedTables, stageChange } from './stage-change.ts';

export interface TablesOptions extends BuildContext {
  /** The listeners the node was started with. */
  readonly listeners: readonly ListenerPlan[];
  /** Keys are no part of the tables: there may be a million. Unset: none. */
  readonly apiKeys?: ApiKeySource;
}

/**
 * A worker's routing tables, changed in place: {@link stage} does all the work that takes time or may fail, {@link commit} swaps what
 * was built in at a cost of the change's size. What requests take out of it is immutable.
 */
export class Tables {
  readonly #context: BuildContext;
  readonly #routers = new Map<string, Router<RouteEntry>>();
  /** Those the node was started with; the configuration may say more about them. */
  readonly #ownListeners: ReadonlyMap<string, ListenerPlan>;
  readonly #listeners = new Map<string, ListenerPlan>();
  readonly #routes = new Map<string, RouteEntry>();
  readonly #services = new ServiceTable();
  readonly #policies = new Map<string, PolicyFields>();
  readonly #consumers = new Map<string, ConsumerPlan>();
  readonly #issuers = new IssuerTable();
  readonly #revoked = new RevokedTokens();
  readonly #apiKeys: ApiKeySource | undefined;
  readonly #referrers = new Map<ItemKey, Set<RouteEntry>>();
  #epoch = 0;

  constructor({ listeners, apiKeys, ...context }: TablesOptions) {
    this.#context = context;
    this.#apiKeys = apiKeys;
    this.#ownListeners = new Map(listeners.map((plan) => [plan.name, plan]));
    for (const plan of listeners) {
      this.#listeners.set(plan.name, plan);
      this.#routers.set(plan.name, new Router());
    }
  }

  /** Grows with each commit: what is cached beside the tables is good for one epoch. */
  get epoch(): number {
    return this.#epoch;
  }

  /** The listener of this name, as the configuration says or as the node was started with. */
  listener(name: string): ListenerPlan | undefined {
    return this.#listeners.get(name);
  }

  /** The slots of all endpoints that requests may go to, each with its service. */
  endpointSlots(): Iterable<readonly [slot: number, service: ServicePlan]> {
    return this.#services.endpointSlots();
  }

  consumer(name: string): ConsumerPlan | undefined {
    return this.#consumers.get(name);
  }

  issuer(name: string): IssuerPlan | undefined {
    return this.#issuers.plan(name);
  }

  /** From when on an issuer's token with these claims is revoked, Unix milliseconds. Infinity: it is not. */
  revokedFromMs(issuer: string, claims: JsonObject): number {
    return this.#revoked.fromMs(issuer, claims);
  }

  /** The route that takes a request. */
  find(listener: string, request: RouteRequest): RouteFinding {
    const router = this.#routers.get(listener);
    if (router === undefined) return NOT_FOUND;
    const outcome = router.match(request);
    switch (outcome.outcome) {
      case 'found':
        return this.#found(outcome.value, outcome.path);
      case 'methodNotAllowed':
        return { kind: 'methodNotAllowed', allow: outcome.allow };
      case 'notFound':
        return NOT_FOUND;
      default:
        return outcome satisfies never;
    }
  }

  /** The key whose secret has this SHA-256, and whose consumer is there. Its expiry is the caller's to check. */
  identify(secretHash: Uint8Array): ApiKeyPlan | undefined {
    const found = this.#apiKeys?.find(secretHash);
    const consumer = found && this.#consumers.get(found.consumer);
    if (found === undefined || consumer === undefined) return undefined;
    const { name, expiresAtMs, overrides } = found;
    return { name, consumer, expiresAtMs, overrides };
  }

  /** Builds a change. Throws when something in it cannot be built. */
  stage(change: ActiveChange): StagedTables {
    return stageChange(change, this.#context);
  }

  /** Makes a staged change, in the order in which they were staged. */
  commit({ upserts, removals }: StagedTables): void {
    this.#epoch++;
    for (const { kind, name } of removals) this.#remove(kind, name);
    for (const { built, unavailable } of upserts) this.#put(built, unavailable);
  }

  /** Most routes have one path, so that what was found last is found again. */
  #found(entry: RouteEntry, path: ParsedPath | undefined): FoundRoute {
    const { last } = entry;
    if (last !== undefined && last.path === path) return last;
    const found = entry.found?.get(path) ?? { kind: 'found', plan: this.#plan(entry, path), path, kept: undefined };
    if (last !== undefined) {
      entry.found ??= new Map([[last.path, last]]);
      entry.found.set(path, found);
    }
    entry.last = found;
    return found;
  }

  /** The joined plan; made at the first request after a change of the route, its policies or its service. */
  #plan(entry: RouteEntry, path: ParsedPath | undefined): RoutePlan {
    if (entry.built.pathRewrite.kind === 'matchedPrefix') return this.#join(entry, path);
    entry.plan ??= this.#join(entry, undefined);
    return entry.plan;
  }

  #join({ built, unavailable }: RouteEntry, path: ParsedPath | undefined): RoutePlan {
    return joinRoute(
      built,
      built.policies.map((name) => this.#policies.get(name)),
      built.destinations.map(({ service }) => this.#services.get(service)),
      (name) => this.#services.get(name),
      pathRewriteFor(built.pathRewrite, path),
      unavailable,
    );
  }

  #put(built: BuiltItem, unavailable: string | undefined): void {
    switch (built.kind) {
      case 'Route':
        this.#putRoute(built, unavailable);
        break;
      case 'Service':
        this.#services.put(built);
        this.#forgetPlansOfService(built.name);
        break;
      case 'Instance':
        this.#services.putInstance(built);
        this.#forgetPlansOfService(built.service);
        break;
      case 'FoundEndpoints':
        this.#services.putFound(built);
        this.#forgetPlansOfService(built.name);
        break;
      case 'Policy':
        this.#policies.set(built.name, built.fields);
        this.#forgetPlans(`Policy/${built.name}`);
        break;
      case 'Consumer':
        this.#consumers.set(built.name, built.plan);
        break;
      case 'Issuer':
        this.#issuers.put(built);
        break;
      case 'KeySet':
        this.#issuers.putKeySet(built);
        break;
      case 'Listener':
        this.#putListener(built.plan);
        break;
      case 'SigningKey':
        this.#issuers.putSigningKey(built);
        break;
      case 'RevokedToken':
        this.#revoked.put(built);
        break;
      case 'NodeGroup':
      case 'ApiKey':
        break;
      default:
        built satisfies never;
    }
  }

  #remove(kind: string, name: string): void {
    switch (kind) {
      case 'Route':
        this.#removeRoute(name);
        break;
      case 'Service':
        this.#services.remove(name);
        this.#forgetPlansOfService(name);
        break;
      case 'Instance':
        this.#forgetPlansOfService(this.#services.removeInstance(name) ?? '');
        break;
      case 'Policy':
        this.#policies.delete(name);
        this.#forgetPlans(`Policy/${name}`);
        break;
      case 'Consumer':
        this.#consumers.delete(name);
        break;
      case 'Issuer':
        this.#issuers.remove(name);
        break;
      case 'SigningKey':
        this.#issuers.removeSigningKey(name);
        break;
      case 'RevokedToken':
        this.#revoked.remove(name);
        break;
      case 'Listener':
        this.#removeListener(name);
        break;
    }
  }

  #putRoute(built: BuiltRoute, unavailable: string | undefined): void {
    this.#removeRoute(built.name);
    const entry: RouteEntry = { built, unavailable, plan: undefined, found: undefined, last: undefined };
    this.#routes.set(built.name, entry);
    for (const reference of built.references) {
      const referrers = this.#referrers.get(reference);
      if (referrers === undefined) this.#referrers.set(reference, new Set([entry]));
      else referrers.add(entry);
    }
    for (const [listener, router] of this.#routers) this.#offer(router, listener, entry);
  }

  #removeRoute(name: string): void {
    const entry = this.#routes.get(name);
    if (entry === undefined) return;
    this.#routes.delete(name);
    for (const router of this.#routers.values()) router.remove(name);
    for (const reference of entry.built.references) {
      const referrers = this.#referrers.get(reference)!;
      referrers.delete(entry);
      if (referrers.size === 0) this.#referrers.delete(reference);
    }
  }

  #offer(router: Router<RouteEntry>, listener: string, entry: RouteEntry): void {
    const { enabled, listeners, match } = entry.built;
    if (enabled && (listeners.length === 0 || listeners.includes(listener))) router.add(match, entry);
  }

  #putListener(plan: ListenerPlan): void {
    this.#listeners.set(plan.name, plan);
    if (this.#routers.has(plan.name)) return;
    const router = new Router<RouteEntry>();
    for (const entry of this.#routes.values()) this.#offer(router, plan.name, entry);
    this.#routers.set(plan.name, router);
  }

  #removeListener(name: string): void {
    const own = this.#ownListeners.get(name);
    if (own !== undefined) {
      this.#listeners.set(name, own);
    } else {
      this.#listeners.delete(name);
      this.#routers.delete(name);
    }
  }

  #forgetPlans(key: ItemKey): void {
    for (const entry of this.#referrers.get(key) ?? []) {
      entry.plan = undefined;
      entry.found = undefined;
      entry.last = undefined;
    }
  }

  /** Those that services are part of which fall back on it, too. */
  #forgetPlansOfService(name: string): void {
    this.#forgetPlans(`Service/${name}`);
    for (const user of this.#services.usersOf(name)) this.#forgetPlans(`Service/${user}`);
  }
}

const NOT_FOUND: RouteFinding = { kind: 'notFound' };

interface RouteEntry {
  readonly built: BuiltRoute;
  readonly unavailable: string | undefined;
  /** Joined, where it does not depend on the path that matched. */
  plan: RoutePlan | undefined;
  /** By the path that matched, where that was not always the same. */
  found: Map<ParsedPath | undefined, FoundRoute> | undefined;
  last: FoundRoute | undefined;
}
