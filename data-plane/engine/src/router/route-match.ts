/**
 * What a route asks of a request, free of its notation. All values are as written in the configuration;
 * {@link compileRoute} checks and canonicalizes them.
 */
export interface MatchableRoute {
  readonly name: string;
  /** Higher wins over everything else; default 0. An integer. */
  readonly priority: number;
  /** Exact names or `*.x` (one or more labels before x). Empty: every request, also one without a host. */
  readonly hosts: readonly string[];
  /** Any of these. Empty: every request to the hosts. */
  readonly matches: readonly RouteMatch[];
}

/** Conditions which must all hold. */
export interface RouteMatch {
  /** Undefined: every path. */
  readonly path: PathPattern | undefined;
  /** Empty: every method. GET implies HEAD. */
  readonly methods: readonly string[];
  /** Names in any case. The value compared is the combined field value (RFC 9110 section 5.2). */
  readonly headers: readonly NamedCondition[];
  /** Names and values are compared decoded; of a repeated parameter the first counts. */
  readonly query: readonly NamedCondition[];
}

export type PathKind = 'exact' | 'prefix' | 'template' | 'regex';

export interface PathPattern {
  readonly kind: PathKind;
  readonly value: string;
}

export interface NamedCondition {
  readonly name: string;
  readonly condition: ValueCondition;
}

/** A regex must match the whole value. `present: false` holds where the name is absent. */
export type ValueCondition =
  | { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string }
  | { readonly kind: 'present'; readonly present: boolean };

/** A request as the router sees it; the caller's parsed head can be one. */
export interface RouteRequest {
  /** The Host header or authority as it came, case and port included. Undefined: an HTTP/1.0 request without one. */
  readonly host: string | undefined;
  /** What {@link normalizePath} returned. */
  readonly path: string;
  /** The raw query, with or without its `?`; empty where there is none. */
  readonly query: string;
  /** The method routed by: the request's own, for a CORS preflight its Access-Control-Request-Method. */
  readonly method: string;
  /**
   * The combined value of a header, or undefined where absent. Called only for candidates with header conditions.
   * @param name in lower case
   */
  header(name: string): string | undefined;
}

/** One thing wrong with a route, e.g. `{ field: 'match[0].path.regex', message: '...' }`. */
export interface MatchProblem {
  /** Below the route's spec, as it is written in YAML. */
  readonly field: string;
  readonly message: string;
}

/** Paths in patterns have at most this many segments. */
export const MAX_PATTERN_SEGMENTS = 64;
/** Paths and regexes in patterns have at most this many characters. */
export const MAX_PATTERN_CHARS = 2048;
/** Regex matches a host may have, evaluated one after the other; checked when a change is applied. */
export const MAX_REGEXES_PER_HOST = 64;
