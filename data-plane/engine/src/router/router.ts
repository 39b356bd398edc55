import type { CompiledRoute } from './compile-route.ts';
import { coversMatch } from './covers.ts';
import { canHoldGreater, HostTable } from './host-table.ts';
import { identityKey } from './identity-key.ts';
import { ANY_HOST, type HostPattern, normalizeHost } from './parse-host.ts';
import { PriorityBound } from './priority-bound.ts';
import { compareMatches, rankMatch } from './rank.ts';
import { holdsButForMethod, type RouteEntry, type RouteFound } from './ranked-entries.ts';
import type { RouteRequest } from './route-match.ts';

export type RouteOutcome<T> = RouteFound<T> | MethodNotAllowed | RouteNotFound;

/** Routes would take the request but for its method: 405. */
export interface MethodNotAllowed {
  readonly outcome: 'methodNotAllowed';
  /** For the Allow header: distinct, ascending. */
  readonly allow: readonly string[];
}

export interface RouteNotFound {
  readonly outcome: 'notFound';
}

/**
 * Finds the route of a request. Changed in place: adding and removing a route cost what that route's size costs. Matching is
 * synchronous and does not depend on the number of routes, only on the path's depth, the host's labels, and how many matches share
 * the host and path pattern; of regexes all of a host's are tried, in order.
 */
export class Router<T> {
  readonly #routes = new Map<string, InstalledRoute<T>>();
  readonly #exactHosts = new Map<string, HostTable<T>>();
  readonly #wildcardHosts = new Map<string, HostTable<T>>();
  readonly #anyHost = new HostTable<T>();
  readonly #bound = new PriorityBound();

  get size(): number {
    return this.#routes.size;
  }

  /** Puts a route in; one of the same name is replaced. */
  add(route: CompiledRoute, value: T): void {
    this.remove(route.name);
    const entries = makeEntries(route, value);
    for (const entry of entries) this.#tableOrNew(entry.host).add(entry);
    this.#bound.add(route.priority);
    this.#routes.set(route.name, { priority: route.priority, entries });
  }

  /** False where there is none of that name. */
  remove(routeName: string): boolean {
    const installed = this.#routes.get(routeName);
    if (installed === undefined) return false;
    for (const entry of installed.entries) this.#removeEntry(entry);
    this.#bound.delete(installed.priority);
    return this.#routes.delete(routeName);
  }

  /** The greatest match that holds (compareMatches), or why there is none. */
  match(request: RouteRequest): RouteOutcome<T> {
    const host = request.host === undefined ? '' : normalizeHost(request.host);
    const exact = host === '' ? undefined : this.#exactHosts.get(host);
    let best = exact?.pick(request, undefined);
    if (canHoldGreater(this.#bound, best)) {
      if (this.#wildcardHosts.size > 0) best = this.#pickByWildcard(host, request, best);
      if (canHoldGreater(this.#anyHost.bound, best)) best = this.#anyHost.pick(request, best);
    }
    return best === undefined ? this.#explainMiss(host, request) : best.found;
  }

  /** Regex matches at one host pattern; at most MAX_REGEXES_PER_HOST may be applied. */
  countRegexes(host: HostPattern): number {
    return this.#table(host)?.regexCount ?? 0;
  }

  /**
   * The routes because of which this one can never win: to each of its matches at each host another route's match exists which is
   * greater and takes all it takes. One of equal priority that takes exactly the same is not greater: the two are in conflict, which
   * is refused elsewhere. Undefined where it can win, or where that cannot be told (regexes, conditions of several matches
   * together, more than 256 candidates).
   */
  findShadowing(route: CompiledRoute): readonly string[] | undefined {
    const names = new Set<string>();
    for (const narrow of makeEntries(route, undefined)) {
      const name = this.#findCovering(narrow);
      if (name === undefined) return undefined;
      names.add(name);
    }
    return [...names].sort();
  }

  #findCovering(narrow: RouteEntry<undefined>): string | undefined {
    let covering: RouteEntry<T> | undefined;
    let compared = 0;
    for (const table of this.#tablesCovering(narrow.host)) {
      table.visitCovering(narrow.match.path, (wide) => {
        if (covering !== undefined || wide.rank.routeName === narrow.rank.routeName) return;
        if (++compared > MAX_COMPARED) return;
        if (compareMatches(wide.rank, narrow.rank) > 0 || !coversMatch(wide.match, narrow.match)) return;
        if (!areTwins(wide, narrow)) covering = wide;
      });
    }
    return covering?.rank.routeName;
  }

  #pickByWildcard(host: string, request: RouteRequest, best: RouteEntry<T> | undefined): RouteEntry<T> | undefined {
    let greatest = best;
    for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
      const table = this.#wildcardHosts.get(host.slice(dot + 1));
      if (table !== undefined && canHoldGreater(table.bound, greatest)) greatest = table.pick(request, greatest);
    }
    return greatest;
  }

  #explainMiss(host: string, request: RouteRequest): RouteOutcome<T> {
    const allow = new Set<string>();
    const path = { kind: 'exact', value: request.path } as const;
    for (const table of this.#tablesCovering(host === '' ? ANY_HOST : { kind: 'exact', name: host, labels: 0 })) {
      table.visitCovering(path, ({ match }) => {
        if (match.methods !== undefined && holdsButForMethod(match, request)) {
          for (const method of match.methods) allow.add(method);
        }
      });
    }
    return allow.size === 0 ? NOT_FOUND : { outcome: 'methodNotAllowed', allow: [...allow].sort() };
  }

  /** The tables of the host patterns that take all the host takes. */
  *#tablesCovering(host: HostPattern): Generator<HostTable<T>> {
    const own = this.#table(host);
    if (own !== undefined && host.kind !== 'any') yield own;
    for (let dot = host.name.indexOf('.', 1); dot !== -1; dot = host.name.indexOf('.', dot + 1)) {
      const table = this.#wildcardHosts.get(host.name.slice(dot + 1));
      if (table !== undefined) yield table;
    }
    yield this.#anyHost;
  }

  #table(host: HostPattern): HostTable<T> | undefined {
    return host.kind === 'any' ? this.#anyHost : this.#hosts(host.kind).get(host.name);
  }

  #tableOrNew(host: HostPattern): HostTable<T> {
    const known = this.#table(host);
    if (known !== undefined || host.kind === 'any') return known ?? this.#anyHost;
    const made = new HostTable<T>();
    this.#hosts(host.kind).set(host.name, made);
    return made;
  }

  #removeEntry(entry: RouteEntry<T>): void {
    const { host } = entry;
    const table = this.#table(host)!;
    table.remove(entry);
    if (host.kind !== 'any' && table.isEmpty()) this.#hosts(host.kind).delete(host.name);
  }

  #hosts(kind: 'exact' | 'wildcard'): Map<string, HostTable<T>> {
    return kind === 'exact' ? this.#exactHosts : this.#wildcardHosts;
  }
}

interface InstalledRoute<T> {
  readonly priority: number;
  readonly entries: readonly RouteEntry<T>[];
}

/** Bounds what looking for a route that covers one match may cost where thousands share a path. */
const MAX_COMPARED = 256;

const NOT_FOUND: RouteNotFound = Object.freeze({ outcome: 'notFound' });

function makeEntries<T>(route: CompiledRoute, value: T): RouteEntry<T>[] {
  return route.hosts.flatMap((host) =>
    route.matches.map((match) => ({
      rank: rankMatch(route, match, host),
      host,
      match,
      found: { outcome: 'found', routeName: route.name, value, path: match.path },
    })),
  );
}

function areTwins<T, U>(a: RouteEntry<T>, b: RouteEntry<U>): boolean {
  return a.rank.priority === b.rank.priority && identityKey(a.match, a.host) === identityKey(b.match, b.host);
}
