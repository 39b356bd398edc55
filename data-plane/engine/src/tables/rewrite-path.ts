import type { ParsedPath } from '../router/parse-path.ts';
import { readPathParams } from '../router/path-params.ts';
import type { PathRewritePlan } from './plan.ts';

/** The path as a route rewrites it, for the upstream or for a redirect. Begins with one slash, or is `*`; not checked for anything else. */
export function rewritePath(rewrite: PathRewritePlan, path: string, matched: ParsedPath | undefined): string {
  // The server as a whole has no path to rewrite.
  if (path === '*') return path;
  switch (rewrite.kind) {
    case 'keep':
      return path;
    case 'prefix':
      return withOneSlash(rewrite.replacement + path.slice(rewrite.length));
    case 'template':
      return withOneSlash(fillTemplate(rewrite, path, matched));
    default:
      return rewrite satisfies never;
  }
}

function fillTemplate(
  { literals, params }: Extract<PathRewritePlan, { kind: 'template' }>,
  original: string,
  matched: ParsedPath | undefined,
): string {
  const values = params.length > 0 && matched?.kind === 'template' ? readPathParams(matched, original) : undefined;
  let path = literals[0] ?? '';
  for (let i = 0; i < params.length; i++) path += (values?.get(params[i] as string) ?? '') + (literals[i + 1] ?? '');
  return path;
}

/** Begins with exactly one slash: two would begin an authority to some readers. */
export function withOneSlash(path: string): string {
  if (path.charCodeAt(0) === SLASH && path.charCodeAt(1) !== SLASH) return path;
  return `/${path.replace(/^\/+/, '')}`;
}

const SLASH = 0x2f;
