import type { RateLimit, Resource } from '@sluice/proto';
import { type CompiledRoute, compileRoute } from '../router/compile-route.ts';
import { checkRanges } from './check-ranges.ts';
import type { SupportCheck } from './check-supported.ts';
import { checkWellFormed } from './check-wellformed.ts';
import { matchProblemField, toMatchableRoute } from './matchable-route.ts';
import type { Finding, Report } from './problem.ts';
import { type Reference, referencesOf } from './references.ts';
import { RULES } from './rules/rules.ts';
import { makeEntry, type StoredEntry } from './stored-entry.ts';

/** A resource with all that can be said about it alone. Immutable; made once per version of a resource. */
export interface Examined {
  readonly entry: StoredEntry;
  readonly findings: readonly Finding[];
  /** The places of what this version does not support; what is wrong below them does not matter. */
  readonly unsupported: readonly string[];
  readonly references: readonly Reference[];
  /** Of a Route that is enabled and has nothing wrong in its matches: what takes part in matching. */
  readonly route: ActiveRoute | undefined;
  /** Of a Policy or Route. */
  readonly limits: readonly RateLimit[];
}

export interface ActiveRoute {
  readonly compiled: CompiledRoute;
  /** Empty: all. */
  readonly listeners: readonly string[];
  /** Empty: everywhere. */
  readonly nodeGroups: readonly string[];
}

/**
 * Checks a resource by itself: what is supported, the rules of the .proto files, and what goes beyond them where those are kept.
 */
export function examine(resource: Resource, checkSupported: SupportCheck): Examined {
  const basic: Finding[] = [];
  checkSupported(resource, (finding) => basic.push(finding));
  const unsupported = basic.map(({ field }) => field);
  checkWellFormed(resource, (finding) => basic.push(finding));
  checkRanges(resource, (finding) => basic.push(finding));
  const wrong = new Set(basic.map(({ field }) => field));
  const further: Finding[] = [];
  const report: Report = (finding) => {
    if (!wrong.has(finding.field)) further.push(finding);
  };
  for (const rule of RULES) rule(resource, report);
  const entry = makeEntry(resource);
  const route = examineRoute(entry, report);
  const findings = [...basic, ...further];
  const references = referencesOf(resource);
  return { entry, findings, unsupported, references, route, limits: limitsOf(resource) };
}

function examineRoute({ name, resource, nodeGroups }: StoredEntry, report: Report): ActiveRoute | undefined {
  if (resource.spec.case !== 'route') return undefined;
  const route = resource.spec.value;
  const compiled = compileRoute(toMatchableRoute(name, route));
  if ('problems' in compiled) {
    for (const problem of compiled.problems) report({ field: matchProblemField(problem), message: problem.message });
    return undefined;
  }
  return (route.enabled ?? true) ? { compiled, listeners: route.listeners, nodeGroups } : undefined;
}

function limitsOf({ spec }: Resource): readonly RateLimit[] {
  return spec.case === 'policy' || spec.case === 'route' ? spec.value.rateLimits : [];
}
