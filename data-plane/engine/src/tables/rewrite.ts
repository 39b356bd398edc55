import type { RedirectPath, Rewrite } from '@sluice/proto';
import type { ParsedPath } from '../router/parse-path.ts';
import type { PathRewritePlan } from './plan.ts';

/**
 * What becomes of the path, as a route says it; what is replaced may depend on which of the route's paths matched. Costs one text, joined
 * of what stays and what is new.
 */
export type PathRewriteTemplate = PathRewritePlan | { readonly kind: 'matchedPrefix'; readonly replacement: string };

export function buildPathRewrite(rewrite: Rewrite | undefined): PathRewriteTemplate {
  if (rewrite?.pathRewrite.case === undefined) return KEEP;
  switch (rewrite.pathRewrite.case) {
    case 'stripPrefix':
      return { kind: 'prefix', length: withoutSlash(rewrite.pathRewrite.value).length, replacement: '' };
    case 'replacePrefix':
      return { kind: 'matchedPrefix', replacement: withoutSlash(rewrite.pathRewrite.value) };
    case 'path':
      return { kind: 'template', ...splitTemplate(rewrite.pathRewrite.value) };
    default:
      return rewrite.pathRewrite satisfies never;
  }
}

export function buildRedirectPath(path: RedirectPath | undefined): PathRewriteTemplate {
  if (path?.kind.case === undefined) return KEEP;
  switch (path.kind.case) {
    case 'replace':
      return { kind: 'template', literals: [path.kind.value], params: [] };
    case 'replacePrefix':
      return { kind: 'matchedPrefix', replacement: withoutSlash(path.kind.value) };
    default:
      return path.kind satisfies never;
  }
}

/** What becomes of the path of a request that this path took. A path that is no prefix is replaced as a whole. */
export function pathRewriteFor(template: PathRewriteTemplate, path: ParsedPath | undefined): PathRewritePlan {
  if (template.kind !== 'matchedPrefix') return template;
  const { replacement } = template;
  if (path === undefined) return { kind: 'prefix', length: 0, replacement };
  if (path.kind === 'prefix') return { kind: 'prefix', length: path.value.length, replacement };
  return { kind: 'template', literals: [replacement || '/'], params: [] };
}

const KEEP: PathRewritePlan = { kind: 'keep' };

function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function splitTemplate(text: string): { literals: string[]; params: string[] } {
  const parts = text.split(/\{([^{}]*)\}/);
  return { literals: parts.filter((_, index) => index % 2 === 0), params: parts.filter((_, index) => index % 2 === 1) };
}
