import { type JsonObject, memberOf } from '../jwt/unique-json.ts';
import type { ParsedPath } from '../router/parse-path.ts';
import type { RouteRequest } from '../router/route-match.ts';
import { Router } from '../router/router.ts';
import type { ActiveChange } from './active-set.ts';
import type { BuiltApiKey } from './build-api-key.ts';
import type { PolicyFields } from './build-policy.ts';
import type { BuiltRoute } from './build-route.ts';
import type { BuiltService } from './build-service.ts';
import { tokenKey } from './build-token-facts.ts';
import { type BuildContext, type BuiltItem, buildItem, buildRefusing, type ItemKey, itemKey } from './built-item.ts';
import { CannotBuild } from './cannot-build.ts';
import { IssuerTable } from './issuer-table.ts';
import { joinRoute } from './join-route.ts';
import type {
  ApiKeyPlan,
  ConsumerPlan,
  FoundRoute,
  IssuerPlan,
  ListenerPlan,
  RouteFinding,
  RoutePlan,
  ServicePlan,
} from './plan.ts';
import { pathRewriteFor } from './rewrite.ts';

/** A change that is built and waits to be committed. */
export interface StagedTables {
  readonly upserts: readonly { readonly built: BuiltItem; readonly unavailable: string | undefined }[];
  readonly removals: readonly { readonly kind: string; readonly name: string }[];
}

export interface TablesOptions extends BuildContext {
  /** The listeners the node was started with. */
  readonly listeners: readonly ListenerPlan[];
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
  readonly #services = new Map<string, BuiltService>();
  /** By service, those that fall back on it. */
  readonly #fallbackUsers = new Map<string, Set<string>>();
  readonly #policies = new Map<string, PolicyFields>();
  readonly #consumers = new Map<string, ConsumerPlan>();
  readonly #issuers = new IssuerTable();
  /** Keys of tokens by the names of the items that revoke them. */
  readonly #revokedTokens = new Map<string, string>();
  readonly #revoked = new Set<string>();
  /** Of keys that share a secret, the one that is good for longest is first. */
  readonly #keysByHash = new Map<string, readonly KeyEntry[]>();
  readonly #keys = new Map<string, readonly string[]>();
  readonly #referrers = new Map<ItemKey, Set<RouteEntry>>();
  #epoch = 0;

  constructor({ listeners, ...context }: TablesOptions) {
    this.#context = context;
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

  services(): Iterable<ServicePlan> {
    return this.#services.values().map(({ plan }) => plan);
  }

  consumer(name: string): ConsumerPlan | undefined {
    return this.#consumers.get(name);
  }

  issuer(name: string): IssuerPlan | undefined {
    return this.#issuers.plan(name);
  }

  /** Whether an issuer's token with these claims was revoked by its id. */
  isRevoked(issuer: string, claims: JsonObject): boolean {
    if (this.#revoked.size === 0) return false;
    const id = memberOf(claims, 'jti');
    return typeof id === 'string' && this.#revoked.has(tokenKey(issuer, id));
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

  /** The key whose secret has this SHA-256 (lower-case hex), and whose consumer is there. Its expiry is the caller's to check. */
  identify(secretHash: string): ApiKeyPlan | undefined {
    const entry = this.#keysByHash.get(secretHash)?.[0];
    if (entry === undefined) return undefined;
    if (entry.epoch !== this.#epoch) {
      const consumer = this.#consumers.get(entry.consumer);
      entry.plan = consumer && {
        name: entry.name,
        consumer,
        expiresAtMs: entry.expiresAtMs,
        overrides: entry.overrides,
      };
      entry.epoch = this.#epoch;
    }
    return entry.plan;
  }

  /** Builds a change. Throws when something in it cannot be built: a change holds only what an ActiveSet built before. */
  stage({ upserts, removals }: ActiveChange): StagedTables {
    return {
      upserts: upserts.map((item) => {
        const { unavailable } = item;
        const built = buildItem(item, this.#context, unavailable === undefined);
        if (!(built instanceof CannotBuild)) return { built, unavailable };
        const refusing = unavailable === undefined ? undefined : buildRefusing(item, this.#context);
        if (refusing !== undefined) return { built: refusing, unavailable };
        throw new Error(`${itemKey(item)}: ${built.message}`, { cause: built });
      }),
      removals,
    };
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
        this.#putService(built);
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
      case 'ApiKey':
        this.#putKey(built);
        break;
      case 'SigningKey':
        this.#issuers.putSigningKey(built);
        break;
      case 'RevokedToken':
        this.#revokedTokens.set(built.name, built.key);
        this.#revoked.add(built.key);
        break;
      case 'NodeGroup':
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
        this.#removeService(name);
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
        this.#revoked.delete(this.#revokedTokens.get(name) ?? '');
        this.#revokedTokens.delete(name);
        break;
      case 'Listener':
        this.#removeListener(name);
        break;
      case 'ApiKey':
        this.#removeKey(name);
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

  #putService(built: BuiltService): void {
    this.#forgetService(built.name);
    this.#services.set(built.name, built);
    for (const service of fallbackServices(built)) {
      const users = this.#fallbackUsers.get(service);
      if (users === undefined) this.#fallbackUsers.set(service, new Set([built.name]));
      else users.add(built.name);
    }
  }

  #removeService(name: string): void {
    this.#forgetService(name);
    this.#services.delete(name);
  }

  /** What the service falls back on, and the plans that it is part of: those of services that fall back on it too. */
  #forgetService(name: string): void {
    const before = this.#services.get(name);
    for (const service of before === undefined ? [] : fallbackServices(before)) {
      const users = this.#fallbackUsers.get(service);
      users?.delete(name);
      if (users?.size === 0) this.#fallbackUsers.delete(service);
    }
    this.#forgetPlans(`Service/${name}`);
    for (const user of this.#fallbackUsers.get(name) ?? []) this.#forgetPlans(`Service/${user}`);
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

  #putKey({ name, consumer, secrets, overrides }: BuiltApiKey): void {
    this.#removeKey(name);
    for (const { hash, expiresAtMs } of secrets) {
      const entry = { name, consumer, expiresAtMs, overrides, plan: undefined, epoch: 0 };
      this.#keysByHash.set(hash, [entry, ...(this.#keysByHash.get(hash) ?? [])].sort(compareKeys));
    }
    this.#keys.set(
      name,
      secrets.map(({ hash }) => hash),
    );
  }

  #removeKey(name: string): void {
    for (const hash of this.#keys.get(name) ?? []) {
      const others = this.#keysByHash.get(hash)?.filter((entry) => entry.name !== name) ?? [];
      if (others.length === 0) this.#keysByHash.delete(hash);
      else this.#keysByHash.set(hash, others);
    }
    this.#keys.delete(name);
  }
}

const NOT_FOUND: RouteFinding = { kind: 'notFound' };

function fallbackServices({ fallbacks }: BuiltService): readonly string[] {
  return fallbacks.flatMap((fallback) => (fallback.kind === 'service' ? [fallback.service] : []));
}

interface RouteEntry {
  readonly built: BuiltRoute;
  readonly unavailable: string | undefined;
  /** Joined, where it does not depend on the path that matched. */
  plan: RoutePlan | undefined;
  /** By the path that matched, where that was not always the same. */
  found: Map<ParsedPath | undefined, FoundRoute> | undefined;
  last: FoundRoute | undefined;
}

interface KeyEntry {
  readonly name: string;
  readonly consumer: string;
  readonly expiresAtMs: number;
  readonly overrides: ApiKeyPlan['overrides'];
  plan: ApiKeyPlan | undefined;
  epoch: number;
}

function compareKeys(a: KeyEntry, b: KeyEntry): number {
  if (a.expiresAtMs !== b.expiresAtMs) return a.expiresAtMs > b.expiresAtMs ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}
