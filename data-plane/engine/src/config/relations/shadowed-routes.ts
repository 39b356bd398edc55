import type { CompiledMatch } from '../../router/compile-route.ts';
import { coversMatch } from '../../router/covers.ts';
import { identityKey } from '../../router/identity-key.ts';
import { ANY_HOST, type HostPattern } from '../../router/parse-host.ts';
import type { ParsedPath } from '../../router/parse-path.ts';
import { Router } from '../../router/router.ts';
import type { ActiveRoute, Examined } from '../examine.ts';
import { MultiMap } from '../multi-map.ts';
import type { Relation, Replacement, ReportOn, Resources, Steps } from './relation.ts';

/**
 * Warns of routes that can never win. One route hides another only on listeners and in node groups where both are, so there is a
 * router for each such place.
 */
export class ShadowedRoutes implements Relation {
  readonly #routers = new Map<string, Router<undefined>>();
  /** Routes by priority, for those that a route of higher priority may hide. */
  readonly #byPriority = new Map<number, Set<Examined>>();
  /** Routes by priority, host and path, for those that a route of equal priority may hide. */
  readonly #byPattern = new MultiMap<string, Examined>();

  add(examined: Examined): void {
    const { route } = examined;
    if (route === undefined) return;
    const { priority } = route.compiled;
    for (const place of placesOf(route)) {
      const router = this.#routers.get(place) ?? new Router<undefined>();
      router.add(route.compiled, undefined);
      this.#routers.set(place, router);
    }
    this.#byPriority.set(priority, (this.#byPriority.get(priority) ?? new Set<Examined>()).add(examined));
    for (const pattern of patternsOf(route)) this.#byPattern.add(pattern, examined);
  }

  remove(examined: Examined): void {
    const { route } = examined;
    if (route === undefined) return;
    const { name, priority } = route.compiled;
    for (const place of placesOf(route)) {
      const router = this.#routers.get(place);
      router?.remove(name);
      if (router?.size === 0) this.#routers.delete(place);
    }
    const equals = this.#byPriority.get(priority);
    equals?.delete(examined);
    if (equals?.size === 0) this.#byPriority.delete(priority);
    for (const pattern of patternsOf(route)) this.#byPattern.delete(pattern, examined);
  }

  *check(change: readonly Replacement[], _resources: Resources, report: ReportOn): Steps {
    const warn = (examined: Examined, hiders: readonly string[]) =>
      report(examined.entry.key, {
        severity: 'warning',
        field: 'spec.match',
        message: `can never win: ${listRoutes(hiders)} every request that it would`,
        remedy: 'make it more specific, raise its priority, or remove it',
      });
    for (const { after } of change) {
      const hiders = after && this.#hidersOf(after);
      if (hiders !== undefined) warn(after!, hiders);
      yield;
    }
    const hidden = new Map<Examined, readonly string[]>();
    for (const examined of yield* this.#candidates(change)) {
      const hiders = this.#hidersOf(examined);
      if (hiders !== undefined) hidden.set(examined, hiders);
      yield;
    }
    if (hidden.size === 0) return;
    yield* this.#replace(change, 'after', 'before');
    for (const examined of [...hidden.keys()]) {
      if (this.#hidersOf(examined) !== undefined) hidden.delete(examined);
      yield;
    }
    yield* this.#replace(change, 'before', 'after');
    for (const [examined, hiders] of hidden) warn(examined, hiders);
  }

  /** The names of the routes that take all that a route would; undefined where it can win. */
  #hidersOf({ route }: Examined): readonly string[] | undefined {
    if (route === undefined) return undefined;
    const hiders = new Set<string>();
    for (const listener of orAll(route.listeners)) {
      for (const group of orAll(route.nodeGroups)) {
        const routers = this.#routersAt(listener, group);
        for (const host of route.compiled.hosts) {
          for (const match of route.compiled.matches) {
            const hider = findHider(routers, route, host, match);
            if (hider === undefined) return undefined;
            hiders.add(hider);
          }
        }
      }
    }
    return [...hiders].sort();
  }

  #routersAt(listener: string, group: string): readonly Router<undefined>[] {
    const places = new Set([
      placeName(ALL, ALL),
      placeName(listener, ALL),
      placeName(ALL, group),
      placeName(listener, group),
    ]);
    return [...places].flatMap((place) => this.#routers.get(place) ?? []);
  }

  /** Routes, no part of the change, that what the change made may hide. May be too many, never too few. */
  *#candidates(change: readonly Replacement[]): Steps<ReadonlySet<Examined>> {
    const changed = new Set<Examined | undefined>(change.map(({ after }) => after));
    const made = change.flatMap(({ before, after }) =>
      after?.route === undefined || after === before ? [] : [after.route],
    );
    const candidates = new Set<Examined>();
    const consider = function* (others: ReadonlySet<Examined>, hiders: readonly ActiveRoute[]): Steps {
      let looked = 0;
      for (const other of others) {
        if (++looked % STRIDE === 0) yield;
        if (changed.has(other) || candidates.has(other)) continue;
        const mayHide = hiders.length > FEW || hiders.some((hider) => coversSome(hider, other.route!));
        if (mayHide) candidates.add(other);
      }
    };
    for (const route of made) {
      const regexes = route.compiled.hosts.map((host) => patternAt(route, host, REGEXES));
      for (const pattern of [...patternsOf(route), ...regexes]) {
        yield* consider(this.#byPattern.get(pattern), [route]);
      }
      yield;
    }
    for (const [priority, routes] of this.#byPriority) {
      const higher = made.filter(({ compiled }) => compiled.priority > priority);
      if (higher.length > 0) yield* consider(routes, higher);
    }
    return candidates;
  }

  *#replace(change: readonly Replacement[], from: 'before' | 'after', to: 'before' | 'after'): Steps {
    for (const { [from]: examined } of change) {
      if (examined !== undefined) this.remove(examined);
      yield;
    }
    for (const { [to]: examined } of change) {
      if (examined !== undefined) this.add(examined);
      yield;
    }
  }
}

const ALL = '*';
/** With more routes of higher priority than this, looking at each pair costs more than looking at each candidate. */
const FEW = 16;
/** Of looks at candidates, which are short, so many are one step. */
const STRIDE = 256;
/** Stands for the regexes at a host, in place of a path. */
const REGEXES = 'regexes';
/** Matches of two routes are compared one by one only where there are at most this many pairs. */
const MAX_PAIRS = 1024;
const PATTERNS = new WeakMap<ActiveRoute, readonly string[]>();

function placesOf({ listeners, nodeGroups }: ActiveRoute): string[] {
  return orAll(listeners).flatMap((listener) => orAll(nodeGroups).map((group) => placeName(listener, group)));
}

function orAll(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [ALL] : names;
}

function placeName(listener: string, group: string): string {
  return `${listener} ${group}`;
}

/**
 * What a route shares with those of equal priority that may hide it: a greater match that takes as much has the same host, and the
 * same path but for a regex, which any prefix may take whole.
 */
function patternsOf(route: ActiveRoute): readonly string[] {
  const known = PATTERNS.get(route);
  if (known !== undefined) return known;
  const { hosts, matches } = route.compiled;
  const paths = new Set(matches.map(({ path }) => (path?.kind === 'regex' ? REGEXES : pathName(path))));
  const made = [...paths].flatMap((path) => hosts.map((host) => patternAt(route, host, path)));
  PATTERNS.set(route, made);
  return made;
}

function pathName(path: ParsedPath | undefined): string {
  return identityKey({ index: 0, path, methods: undefined, headers: [], query: [] }, ANY_HOST);
}

function patternAt({ compiled }: ActiveRoute, host: HostPattern, path: string): string {
  return `${compiled.priority} ${host.kind} ${host.name} ${path}`;
}

function findHider(
  routers: readonly Router<undefined>[],
  { compiled }: ActiveRoute,
  host: HostPattern,
  match: CompiledMatch,
): string | undefined {
  for (const router of routers) {
    const [hider] = router.findShadowing({ ...compiled, hosts: [host], matches: [match] }) ?? [];
    if (hider !== undefined) return hider;
  }
  return undefined;
}

/** Whether some match of the one takes all that some match of the other takes; true where that is too much to look at. */
function coversSome(wide: ActiveRoute, narrow: ActiveRoute): boolean {
  if (sizeOf(wide) * sizeOf(narrow) > MAX_PAIRS) return true;
  return wide.compiled.hosts.some((wideHost) =>
    narrow.compiled.hosts.some(
      (host) =>
        hostCovers(wideHost, host) &&
        wide.compiled.matches.some((match) => narrow.compiled.matches.some((other) => coversMatch(match, other))),
    ),
  );
}

function sizeOf({ compiled }: ActiveRoute): number {
  return compiled.hosts.length * compiled.matches.length;
}

function hostCovers(wide: HostPattern, narrow: HostPattern): boolean {
  if (wide.kind === 'any') return true;
  if (wide.kind === 'wildcard') {
    return (
      narrow.kind !== 'any' &&
      (narrow.name.endsWith(`.${wide.name}`) || (narrow.kind === 'wildcard' && narrow.name === wide.name))
    );
  }
  return narrow.kind === 'exact' && narrow.name === wide.name;
}

function listRoutes(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `Route "${name}"`);
  if (names.length > 3) shown.push(`${names.length - 3} more`);
  const last = shown.pop()!;
  return shown.length === 0 ? `${last} takes` : `${shown.join(', ')} and ${last} take`;
}
