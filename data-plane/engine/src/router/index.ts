export { type CompiledCondition, compileCondition } from './compile-condition.ts';
export { type CompiledMatch, type CompiledRoute, compileRoute } from './compile-route.ts';
export { identityKey } from './identity-key.ts';
export { compileRegex, type LinearRegex, type RegexProblem } from './linear-regex.ts';
export {
  type BadPath,
  type NormalizedTarget,
  type NormalizePathOptions,
  normalizePath,
  normalizeTarget,
} from './normalize-path.ts';
export { ANY_HOST, type HostPattern, normalizeHost, parseHost } from './parse-host.ts';
export { type ParsedPath, type PathPrefix, type PathTemplate, parsePath, type TemplateSegment } from './parse-path.ts';
export { readPathParams } from './path-params.ts';
export { compareMatches, type MatchRank, rankMatch } from './rank.ts';
export type { RouteFound } from './ranked-entries.ts';
export { readQueryParameter } from './read-query.ts';
export {
  MAX_PATTERN_CHARS,
  MAX_PATTERN_SEGMENTS,
  MAX_REGEXES_PER_HOST,
  type MatchableRoute,
  type MatchProblem,
  type NamedCondition,
  type PathKind,
  type PathPattern,
  type RouteMatch,
  type RouteRequest,
  type ValueCondition,
} from './route-match.ts';
export { type MethodNotAllowed, type RouteNotFound, type RouteOutcome, Router } from './router.ts';
export { hashTail, TextTable } from './text-table.ts';
