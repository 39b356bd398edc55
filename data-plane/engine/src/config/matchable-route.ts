import type { PathMatch, Route, RouteMatch as RouteMatchMessage, StringMatch } from '@sluice/proto';
import type {
  MatchableRoute,
  MatchProblem,
  NamedCondition,
  PathPattern,
  RouteMatch,
  ValueCondition,
} from '../router/route-match.ts';
import { formatMapKey } from './field-path.ts';

/** A route's conditions as the router takes them. */
export function toMatchableRoute(name: string, route: Route): MatchableRoute {
  return { name, priority: route.priority, hosts: route.hosts, matches: route.match.map(toRouteMatch) };
}

/** The path of a match as the router takes it; undefined where it is unset. */
export function toPathPattern(path: PathMatch | undefined): PathPattern | undefined {
  return path?.kind.case === undefined ? undefined : { kind: path.kind.case, value: path.kind.value };
}

/** The place of the router's problem as manifests write it: names of headers and parameters are map keys. */
export function matchProblemField({ field }: MatchProblem): string {
  const [, at, name, condition = ''] = NAMED.exec(field) ?? [];
  return `spec.${at === undefined || name === undefined ? field : at + formatMapKey(name) + condition}`;
}

const NAMED = /^(match\[\d+\]\.(?:headers|query))\.(.*?)(\.(?:exact|prefix|regex|present))?$/s;

function toRouteMatch({ path, methods, headers, query }: RouteMatchMessage): RouteMatch {
  return { path: toPathPattern(path), methods, headers: toConditions(headers), query: toConditions(query) };
}

function toConditions(conditions: Readonly<Record<string, StringMatch>>): NamedCondition[] {
  return Object.entries(conditions).flatMap(([name, { kind }]) => {
    const condition = toCondition(kind);
    return condition === undefined ? [] : [{ name, condition }];
  });
}

function toCondition(kind: StringMatch['kind']): ValueCondition | undefined {
  if (kind.case === undefined) return undefined;
  return kind.case === 'present' ? { kind: 'present', present: kind.value } : { kind: kind.case, value: kind.value };
}
