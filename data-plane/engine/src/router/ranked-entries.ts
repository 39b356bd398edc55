import type { CompiledMatch } from './compile-route.ts';
import type { HostPattern } from './parse-host.ts';
import type { ParsedPath } from './parse-path.ts';
import { compareMatches, type MatchRank } from './rank.ts';
import { readQueryParameter } from './read-query.ts';
import type { RouteRequest } from './route-match.ts';

/** One of a route's matches at one of its hosts, as it stands in the tables. */
export interface RouteEntry<T> {
  readonly rank: MatchRank;
  readonly host: HostPattern;
  readonly match: CompiledMatch;
  /** Made once, so that a hit allocates nothing. */
  readonly found: RouteFound<T>;
}

export interface RouteFound<T> {
  readonly outcome: 'found';
  readonly routeName: string;
  readonly value: T;
  /** What the path matched, for readPathParams and for rewriting prefixes. */
  readonly path: ParsedPath | undefined;
}

/** Entries of equal host and path pattern (or all of a host's regexes), greatest first. */
export type RankedEntries<T> = RouteEntry<T>[];

/** The greater of `best` and the first entry that holds; the path is the caller's to have matched, but for regexes. */
export function pickBest<T>(
  entries: RankedEntries<T>,
  request: RouteRequest,
  best: RouteEntry<T> | undefined,
): RouteEntry<T> | undefined {
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (best !== undefined && compareMatches(entry.rank, best.rank) >= 0) return best;
    const { methods } = entry.match;
    if ((methods === undefined || methods.has(request.method)) && holdsButForMethod(entry.match, request)) return entry;
  }
  return best;
}

/** Whether all conditions hold that the tables do not decide, methods aside. */
export function holdsButForMethod(match: CompiledMatch, request: RouteRequest): boolean {
  for (let i = 0; i < match.headers.length; i++) {
    const condition = match.headers[i]!;
    if (!condition.holds(request.header(condition.name))) return false;
  }
  for (let i = 0; i < match.query.length; i++) {
    const condition = match.query[i]!;
    if (!condition.holds(readQueryParameter(request.query, condition.name))) return false;
  }
  return match.path?.kind !== 'regex' || match.path.regex.test(request.path);
}

export function insertRanked<T>(entries: RankedEntries<T>, entry: RouteEntry<T>): void {
  entries.splice(position(entries, entry), 0, entry);
}

export function removeRanked<T>(entries: RankedEntries<T>, entry: RouteEntry<T>): void {
  entries.splice(position(entries, entry), 1);
}

/** The first place that does not win over the entry. */
function position<T>(entries: RankedEntries<T>, entry: RouteEntry<T>): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareMatches(entries[middle]!.rank, entry.rank) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
