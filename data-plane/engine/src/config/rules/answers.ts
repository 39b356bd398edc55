import type { DirectResponse, Redirect, Route, RouteMatch } from '@sluice/proto';
import { normalizePath } from '../../router/normalize-path.ts';
import { parseHost } from '../../router/parse-host.ts';
import { formatMapKey } from '../field-path.ts';
import type { Report } from '../problem.ts';
import { isFramingHeader } from './reserved-headers.ts';
import { reportWithoutPrefix } from './rewrite.ts';
import type { Rule } from './rule.ts';

/** Answers that the gateway gives itself are whole and valid messages. */
export const checkAnswers: Rule = ({ spec }, report) => {
  if (spec.case === 'service') {
    spec.value.fallback.forEach(({ answer }, i) => {
      if (answer.case === 'response') checkResponse(answer.value, `spec.fallback[${i}].response`, report);
    });
  }
  if (spec.case !== 'route') return;
  const { redirect, respond } = spec.value;
  if (redirect !== undefined) checkRedirect(redirect, spec.value, report);
  if (respond !== undefined) checkResponse(respond, 'spec.respond', report);
};

function checkRedirect(redirect: Redirect, route: Route, report: Report): void {
  const { scheme, host, port, path } = redirect;
  if (scheme === '' && host === '' && port === undefined && path === undefined) {
    report({
      field: 'spec.redirect',
      message: 'leads where the client asks already',
      remedy: 'give scheme, host, port or path',
    });
  }
  if (host !== '') {
    const parsed = parseHost(host);
    const message =
      typeof parsed === 'string' ? parsed : parsed.kind === 'wildcard' ? 'must be one host, without "*"' : undefined;
    if (message !== undefined) report({ field: 'spec.redirect.host', message });
  }
  if (path?.kind.case !== undefined) {
    const { case: kind, value } = path.kind;
    const field = `spec.redirect.path.${kind}`;
    const message = checkPath(value);
    if (message !== undefined) {
      report({ field, message });
      return;
    }
    if (kind === 'replacePrefix') reportWithoutPrefix(route, field, 'replace', report);
  }
  reportLoops(redirect, route, report);
}

/** Where the client asks for again what the same match of the route takes, it is redirected again. */
function reportLoops({ scheme, host, port, path, status }: Redirect, { hosts, match }: Route, report: Report): void {
  if (scheme !== '' || port !== undefined) return;
  const takesAgain = ({ methods }: RouteMatch) => !(status === 303 && isWithoutGet(methods));
  const sameHost = hosts.findIndex((each) => each.toLowerCase() === host.toLowerCase());
  if (host !== '' && sameHost === -1) return;
  if (path?.kind.case === undefined) {
    if (host !== '' && (match.length === 0 || match.some(takesAgain))) {
      report({ field: 'spec.redirect.host', message: `leads to hosts[${sameHost}] again, without end` });
    }
    return;
  }
  const { case: kind, value } = path.kind;
  const samePath = kind === 'replace' ? 'exact' : 'prefix';
  match.forEach((each, i) => {
    if (each.path?.kind.case !== samePath || !takesAgain(each)) return;
    const asked = each.path.kind.value;
    const isSame = kind === 'replace' ? asked === value : withoutSlash(asked) === withoutSlash(value);
    if (isSame) {
      report({ field: `spec.redirect.path.${kind}`, message: `leads to match[${i}] again, without end` });
    }
  });
}

/** After 303 a client asks by GET (RFC 9110 15.4.4), which such a match leaves to others. */
function isWithoutGet(methods: readonly string[]): boolean {
  return methods.length > 0 && !methods.includes('GET');
}

/** Of prefixes, which are whole segments, the slash at the end means nothing. */
function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function checkPath(path: string): string | undefined {
  const mark = /[?#]/.exec(path)?.[0];
  if (mark !== undefined) return `must not hold "${mark}"${mark === '?' ? ': the query stays as it came' : ''}`;
  const normal = normalizePath(path, { allowEncodedSlashes: true });
  if (typeof normal !== 'string') return `is no path: ${normal.message}`;
  return normal === path ? undefined : `is no normalized path; write it as "${normal}"`;
}

/** Statuses whose answers have no content (RFC 9110 15.3.5, 15.3.6, 15.4.5). */
const WITHOUT_CONTENT: ReadonlySet<number> = new Set([204, 205, 304]);

function checkResponse({ status, headers, content }: DirectResponse, field: string, report: Report): void {
  const seen = new Set<string>();
  for (const name of Object.keys(headers)) {
    const at = `${field}.headers${formatMapKey(name)}`;
    if (isFramingHeader(name)) {
      report({ field: at, message: `${name} cannot be given: it frames the message or holds for one connection` });
    }
    if (seen.has(name.toLowerCase())) report({ field: at, message: `${name} is there twice; case does not matter` });
    seen.add(name.toLowerCase());
  }
  if (content.case !== undefined && WITHOUT_CONTENT.has(status)) {
    report({ field: `${field}.${content.case}`, message: `an answer with status ${status} has no content` });
  }
}
