import { type CompiledCondition, compileCondition } from './compile-condition.ts';
import { identityKey } from './identity-key.ts';
import { ANY_HOST, type HostPattern, parseHost } from './parse-host.ts';
import { type ParsedPath, parsePath } from './parse-path.ts';
import type { MatchableRoute, MatchProblem, NamedCondition, PathPattern, RouteMatch } from './route-match.ts';

/** A route checked and ready to be put into a router. Immutable; may be in several routers. */
export interface CompiledRoute {
  readonly name: string;
  readonly priority: number;
  /** Not empty: a route without hosts has ANY_HOST. */
  readonly hosts: readonly HostPattern[];
  /** Not empty: a route without matches has one without conditions. */
  readonly matches: readonly CompiledMatch[];
}

export interface CompiledMatch {
  /** Place in the route's list. */
  readonly index: number;
  readonly path: ParsedPath | undefined;
  /** Undefined: every method. Holds HEAD where it holds GET. */
  readonly methods: ReadonlySet<string> | undefined;
  readonly headers: readonly CompiledCondition[];
  readonly query: readonly CompiledCondition[];
}

/** Compiles a route, or says all that is wrong with it. Pure: used when a change is applied and on the node. */
export function compileRoute(route: MatchableRoute): CompiledRoute | { readonly problems: readonly MatchProblem[] } {
  const problems: MatchProblem[] = [];
  const hosts = route.hosts.length === 0 ? [ANY_HOST] : compileHosts(route.hosts, problems);
  const matches = (route.matches.length === 0 ? [UNCONDITIONAL] : route.matches).map((match, index) =>
    compileMatch(match, index, problems),
  );
  const compiled = { name: route.name, priority: route.priority, hosts, matches };
  if (problems.length === 0 && matches.length > 1) reportRepeatedMatches(compiled, problems);
  return problems.length > 0 ? { problems } : compiled;
}

const UNCONDITIONAL: RouteMatch = { path: undefined, methods: [], headers: [], query: [] };
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function compileHosts(hosts: readonly string[], problems: MatchProblem[]): HostPattern[] {
  const seen = new Set<string>();
  const compiled: HostPattern[] = [];
  hosts.forEach((text, index) => {
    const host = parseHost(text);
    const field = `hosts[${index}]`;
    if (typeof host === 'string') {
      problems.push({ field, message: host });
      return;
    }
    const key = `${host.kind} ${host.name}`;
    if (seen.has(key)) problems.push({ field, message: `"${text}" is listed twice` });
    seen.add(key);
    compiled.push(host);
  });
  return compiled;
}

function compileMatch(match: RouteMatch, index: number, problems: MatchProblem[]): CompiledMatch {
  const field = `match[${index}]`;
  return {
    index,
    path: match.path === undefined ? undefined : compilePath(match.path, `${field}.path`, problems),
    methods: compileMethods(match.methods, `${field}.methods`, problems),
    headers: compileConditions(match.headers, true, `${field}.headers`, problems),
    query: compileConditions(match.query, false, `${field}.query`, problems),
  };
}

function compilePath(pattern: PathPattern, field: string, problems: MatchProblem[]): ParsedPath | undefined {
  const path = parsePath(pattern);
  if (typeof path !== 'string') return path;
  problems.push({ field: `${field}.${pattern.kind}`, message: path });
  return undefined;
}

function compileMethods(
  methods: readonly string[],
  field: string,
  problems: MatchProblem[],
): ReadonlySet<string> | undefined {
  if (methods.length === 0) return undefined;
  methods.forEach((method, index) => {
    if (!TOKEN.test(method)) problems.push({ field: `${field}[${index}]`, message: `"${method}" is not a method` });
  });
  const set = new Set(methods);
  return set.has('GET') ? set.add('HEAD') : set;
}

function compileConditions(
  conditions: readonly NamedCondition[],
  areHeaders: boolean,
  field: string,
  problems: MatchProblem[],
): CompiledCondition[] {
  const compiled: CompiledCondition[] = [];
  const seen = new Set<string>();
  for (const { name: written, condition } of conditions) {
    const name = areHeaders ? written.toLowerCase() : written;
    const at = `${field}.${written}`;
    if (areHeaders && !TOKEN.test(name)) problems.push({ field: at, message: `"${written}" is not a header name` });
    if (seen.has(name)) problems.push({ field: at, message: `"${written}" is listed twice` });
    seen.add(name);
    const result = compileCondition(name, condition);
    if ('message' in result) problems.push({ field: `${at}.${condition.kind}`, message: result.message });
    else compiled.push(result);
  }
  return compiled;
}

function reportRepeatedMatches(route: CompiledRoute, problems: MatchProblem[]): void {
  const first = new Map<string, number>();
  for (const match of route.matches) {
    const key = identityKey(match, ANY_HOST);
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, match.index);
    else problems.push({ field: `match[${match.index}]`, message: `is the same as match[${earlier}]` });
  }
}
