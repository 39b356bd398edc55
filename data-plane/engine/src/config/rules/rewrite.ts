import type { Rewrite, Route, RouteMatch } from '@sluice/proto';
import { normalizePath } from '../../router/normalize-path.ts';
import { parseHost } from '../../router/parse-host.ts';
import { type ParsedPath, parsePath } from '../../router/parse-path.ts';
import { toPathPattern } from '../matchable-route.ts';
import type { Report } from '../problem.ts';
import type { Rule } from './rule.ts';

/** What a rewrite takes from the path is there in every match of the route, and what it makes is a path. */
export const checkRewrite: Rule = ({ spec }, report) => {
  if (spec.case !== 'route' || spec.value.rewrite === undefined) return;
  const route = spec.value;
  const { pathRewrite, host } = spec.value.rewrite;
  if (route.redirect !== undefined || route.respond !== undefined) {
    report({ field: 'spec.rewrite', message: 'has no effect where no request goes to a service', remedy: 'remove it' });
  }
  if (host === '' && pathRewrite.case === undefined) {
    report({
      field: 'spec.rewrite',
      message: 'rewrites nothing',
      remedy: 'give stripPrefix, replacePrefix, path or host',
    });
  }
  if (host !== '') checkRewriteHost(host, report);
  switch (pathRewrite.case) {
    case 'stripPrefix':
      checkPrefix(route, 'stripPrefix', pathRewrite.value, report);
      break;
    case 'replacePrefix':
      checkPrefix(route, 'replacePrefix', pathRewrite.value, report);
      break;
    case 'path':
      checkTemplate(route, pathRewrite.value, report);
      break;
    case undefined:
      break;
    default:
      pathRewrite satisfies never;
  }
};

type PathRewriteCase = Exclude<Rewrite['pathRewrite']['case'], undefined>;

function checkRewriteHost(host: string, report: Report): void {
  const [, name = host, port] = /^(.*?)(?::(\d{1,5}))?$/s.exec(host) ?? [];
  const parsed = parseHost(name);
  const message =
    typeof parsed === 'string'
      ? parsed
      : parsed.kind === 'wildcard'
        ? 'must be one host, without "*"'
        : port !== undefined && (Number(port) < 1 || Number(port) > 65535)
          ? `the port must be 1 to 65535, not ${port}`
          : undefined;
  if (message !== undefined) report({ field: 'spec.rewrite.host', message });
}

function checkPrefix(route: Route, rewrite: PathRewriteCase, prefix: string, report: Report): void {
  const field = `spec.rewrite.${rewrite}`;
  const wrong = checkPath(prefix);
  const parsed = wrong ?? parsePath({ kind: 'prefix', value: prefix });
  if (typeof parsed === 'string') {
    report({ field, message: parsed });
    return;
  }
  reportWithoutPrefix(route, field, 'rewrite.path', report);
  for (const { at, path } of pathsOf(route)) {
    if (rewrite === 'stripPrefix' && path?.kind === 'prefix' && !beginsWith(path, parsed)) {
      report({
        field,
        message: `${prefix} is not the beginning of ${path.value || '/'}, the prefix of ${at}`,
        remedy: 'strip whole segments that every match begins with',
      });
    }
  }
}

/** Reports the matches of a route whose path is no prefix, so that nothing of it could be replaced. */
export function reportWithoutPrefix(route: Route, field: string, whole: string, report: Report): void {
  for (const { at, path } of pathsOf(route)) {
    if (path?.kind === 'prefix') continue;
    report({
      field,
      message: `needs a path prefix in every match, and ${at} has none`,
      remedy: `match by path: { prefix: ... }, or use ${whole}`,
    });
  }
}

function checkTemplate(route: Route, template: string, report: Report): void {
  const field = 'spec.rewrite.path';
  const names = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!);
  const wrong = checkPath(template.replace(/\{[^{}]*\}/g, 'x'));
  if (wrong !== undefined) {
    report({ field, message: wrong });
    return;
  }
  reportUnknownParams(route, names, field, report);
}

/** Reports names that are no parameters of the path in some match of the route. */
export function reportUnknownParams(route: Route, names: readonly string[], field: string, report: Report): void {
  if (names.length === 0) return;
  for (const { at, path } of pathsOf(route)) {
    const known =
      path?.kind === 'template' ? path.segments.flatMap((s) => (s.kind === 'parameter' ? [s.name] : [])) : [];
    for (const name of new Set(names)) {
      if (known.includes(name)) continue;
      report({
        field,
        message: `{${name}} is not a parameter of the path in ${at}`,
        remedy:
          known.length > 0
            ? `it has ${known.map((each) => `{${each}}`).join(', ')}`
            : 'match by path: { template: ... }',
      });
    }
  }
}

/** Why a text is no path to send; it must be in the form that paths are normalized to. */
function checkPath(path: string): string | undefined {
  const mark = /[?#{}]/.exec(path)?.[0];
  if (mark !== undefined) return `must not hold "${mark}"${mark === '?' ? ': the query stays as it came' : ''}`;
  const normal = normalizePath(path, { allowEncodedSlashes: true });
  if (typeof normal !== 'string') return `is no path: ${normal.message}`;
  return normal === path ? undefined : `is no normalized path; write it as "${normal}"`;
}

/** The paths of the route's matches that can be parsed; one without a path where the route has no match. */
function pathsOf({ match }: Route): { readonly at: string; readonly path: ParsedPath | undefined }[] {
  if (match.length === 0) return [{ at: 'the route', path: undefined }];
  return match.flatMap((each, index) => parseMatchPath(each, `match[${index}]`));
}

function parseMatchPath(match: RouteMatch, at: string): { at: string; path: ParsedPath | undefined }[] {
  const pattern = toPathPattern(match.path);
  const path = pattern === undefined ? undefined : parsePath(pattern);
  return typeof path === 'string' ? [] : [{ at, path }];
}

function beginsWith(path: ParsedPath & { kind: 'prefix' }, start: ParsedPath): boolean {
  return start.kind === 'prefix' && start.segments.every((segment, i) => path.segments[i] === segment);
}
