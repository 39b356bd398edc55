import type { CompiledCondition } from '../router/compile-condition.ts';
import type { CompiledMatch, CompiledRoute } from '../router/compile-route.ts';
import { type HostPattern, normalizeHost } from '../router/parse-host.ts';
import type { ParsedPath } from '../router/parse-path.ts';
import { compareMatches, type MatchRank, rankMatch } from '../router/rank.ts';
import { readQueryParameter } from '../router/read-query.ts';
import type { RouteRequest, ValueCondition } from '../router/route-match.ts';

/** The conditions of a match, in the order in which they are looked at here. */
type ConditionKind = 'host' | 'path' | 'method' | 'header' | 'query';

/** The first condition that does not hold. */
export interface FailedCondition {
  readonly kind: ConditionKind;
  /** Of a header or a query parameter. Empty: of the others. */
  readonly name: string;
  /** What the route asks for, in words. */
  readonly wants: string;
  /** What the request has. Undefined: nothing. */
  readonly has: string | undefined;
}

/** One of a route's matches at one of its hosts, held against a request. */
export interface MatchVerdict {
  readonly rank: MatchRank;
  /** What it asks for, in words: `GET shop.example.com prefix /orders, header x-version exact 2`. */
  readonly says: string;
  /** Undefined: it takes the request. */
  readonly failed: FailedCondition | undefined;
  /** How many conditions do not hold, and how far the path goes along: fewer, then more, is nearer. */
  readonly distance: readonly [failures: number, characters: number];
}

/** Every match of a route at every host of it, held against a request. Looks at each condition anew, as no table does. */
export function explainMatches(route: CompiledRoute, request: RouteRequest): MatchVerdict[] {
  return route.hosts.flatMap((host) =>
    route.matches.map((match) => {
      const failures = conditionsOf(match, host, request).filter((failed) => failed !== undefined);
      return {
        rank: rankMatch(route, match, host),
        says: matchText(match, host),
        failed: failures[0],
        distance: [failures.length, commonCharacters(match.path, request.path)] as const,
      };
    }),
  );
}

/** The nearer first; of equally near ones the one that would win. */
export function compareDistance(a: MatchVerdict, b: MatchVerdict): number {
  return a.distance[0] - b.distance[0] || b.distance[1] - a.distance[1] || compareMatches(a.rank, b.rank);
}

/** Those that hold are undefined. */
function conditionsOf(
  { path, methods, headers, query }: CompiledMatch,
  host: HostPattern,
  request: RouteRequest,
): (FailedCondition | undefined)[] {
  const named = (
    kind: 'header' | 'query',
    conditions: readonly CompiledCondition[],
    read: (name: string) => string | undefined,
  ) =>
    conditions.map(({ name, condition, holds }) => {
      const has = read(name);
      return holds(has) ? undefined : { kind, name, wants: conditionText(condition), has };
    });
  return [
    holdsForHost(host, request.host) ? undefined : { kind: 'host', name: '', wants: hostText(host), has: request.host },
    path === undefined || holdsForPath(path, request.path)
      ? undefined
      : { kind: 'path', name: '', wants: pathText(path), has: request.path },
    methods === undefined || methods.has(request.method)
      ? undefined
      : { kind: 'method', name: '', wants: [...methods].join(', '), has: request.method },
    ...named('header', headers, (name) => request.header(name)),
    ...named('query', query, (name) => readQueryParameter(request.query, name)),
  ];
}

function holdsForHost({ kind, name }: HostPattern, host: string | undefined): boolean {
  if (kind === 'any') return true;
  const normalized = host === undefined ? '' : normalizeHost(host);
  return kind === 'exact'
    ? normalized === name
    : normalized.length > name.length + 1 && normalized.endsWith(`.${name}`);
}

function holdsForPath(pattern: ParsedPath, path: string): boolean {
  switch (pattern.kind) {
    case 'exact':
      return path === pattern.value;
    case 'prefix':
      return path.startsWith('/') && (path === pattern.value || path.startsWith(`${pattern.value}/`));
    case 'template': {
      if (!path.startsWith('/')) return false;
      const segments = path.slice(1).split('/');
      return (
        segments.length === pattern.segments.length &&
        pattern.segments.every((each, i) => (each.kind === 'literal' ? each.text === segments[i] : segments[i] !== ''))
      );
    }
    case 'regex':
      return pattern.regex.test(path);
    default:
      return pattern satisfies never;
  }
}

/** How far a path goes with a pattern before they part. */
function commonCharacters(pattern: ParsedPath | undefined, path: string): number {
  const text = pattern?.kind === 'regex' ? pattern.regex.requiredPrefix : (pattern?.value ?? '');
  let at = 0;
  while (at < text.length && text[at] === path[at]) at++;
  return at;
}

function matchText({ path, methods, headers, query }: CompiledMatch, host: HostPattern): string {
  const first = [
    methods === undefined ? '' : methodsText(methods),
    host.kind === 'any' ? '' : hostText(host),
    path === undefined ? 'any path' : pathText(path),
  ];
  const named = (kind: 'header' | 'query', conditions: readonly CompiledCondition[]) =>
    conditions.map(({ name, condition }) => `${kind} ${name} ${conditionText(condition)}`);
  return [first.filter((text) => text !== '').join(' '), ...named('header', headers), ...named('query', query)].join(
    ', ',
  );
}

/** GET implies HEAD. */
function methodsText(methods: ReadonlySet<string>): string {
  return [...methods].filter((method) => method !== 'HEAD' || !methods.has('GET')).join(', ');
}

function hostText({ kind, name }: HostPattern): string {
  return kind === 'wildcard' ? `*.${name}` : name;
}

function pathText(path: ParsedPath): string {
  return `${path.kind} ${path.value === '' ? '/' : path.value}`;
}

function conditionText(condition: ValueCondition): string {
  if (condition.kind !== 'present') return `${condition.kind} ${condition.value}`;
  return condition.present ? 'any value' : 'none';
}
