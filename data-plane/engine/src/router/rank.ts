import type { CompiledMatch, CompiledRoute } from './compile-route.ts';
import type { HostPattern } from './parse-host.ts';
import type { ParsedPath } from './parse-path.ts';

/** What decides between a route's match at one of its hosts and others that hold for the same request. */
export interface MatchRank {
  readonly priority: number;
  /** 2 exact, 1 wildcard, 0 any. */
  readonly hostClass: number;
  /** Labels of a wildcard: more is longer. */
  readonly hostLabels: number;
  /** 4 exact, 3 template, 2 prefix, 1 regex, 0 every path. */
  readonly pathClass: number;
  /** Literal segments of a template, segments of a prefix. */
  readonly pathSegments: number;
  /** Of a template, one character a segment: `1` literal, `0` parameter. */
  readonly literalPlaces: string;
  readonly headers: number;
  readonly query: number;
  /** 1 where the match names methods. */
  readonly methods: number;
  readonly routeName: string;
  readonly matchIndex: number;
}

/** The rank of one of a route's matches at one of its hosts. */
export function rankMatch(route: CompiledRoute, match: CompiledMatch, host: HostPattern): MatchRank {
  return {
    priority: route.priority,
    hostClass: HOST_CLASS[host.kind],
    hostLabels: host.kind === 'wildcard' ? host.labels : 0,
    pathClass: match.path === undefined ? 0 : PATH_CLASS[match.path.kind],
    ...pathSpecificity(match.path),
    headers: match.headers.length,
    query: match.query.length,
    methods: match.methods === undefined ? 0 : 1,
    routeName: route.name,
    matchIndex: match.index,
  };
}

/**
 * Negative where `a` wins over `b`. In this order: priority; host: exact, longer wildcard, shorter, none; path: exact, template
 * (more literal segments, then the one literal further left), prefix (more segments), regex, none; more header conditions; more
 * query conditions; methods given over not; route name ascending (by code unit); place in the route. Zero only for the same match.
 */
export function compareMatches(a: MatchRank, b: MatchRank): number {
  return (
    b.priority - a.priority ||
    b.hostClass - a.hostClass ||
    b.hostLabels - a.hostLabels ||
    b.pathClass - a.pathClass ||
    b.pathSegments - a.pathSegments ||
    compareText(b.literalPlaces, a.literalPlaces) ||
    b.headers - a.headers ||
    b.query - a.query ||
    b.methods - a.methods ||
    compareText(a.routeName, b.routeName) ||
    a.matchIndex - b.matchIndex
  );
}

const HOST_CLASS: Readonly<Record<HostPattern['kind'], number>> = { exact: 2, wildcard: 1, any: 0 };
const PATH_CLASS: Readonly<Record<ParsedPath['kind'], number>> = { exact: 4, template: 3, prefix: 2, regex: 1 };

function pathSpecificity(path: ParsedPath | undefined): Pick<MatchRank, 'pathSegments' | 'literalPlaces'> {
  if (path?.kind === 'prefix') return { pathSegments: path.segments.length, literalPlaces: '' };
  if (path?.kind !== 'template') return { pathSegments: 0, literalPlaces: '' };
  const literalPlaces = path.segments.map((segment) => (segment.kind === 'literal' ? '1' : '0')).join('');
  return { pathSegments: path.segments.filter((segment) => segment.kind === 'literal').length, literalPlaces };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
