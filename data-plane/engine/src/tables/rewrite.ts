import type { Rewrite } from '@sluice/proto';
import type { ParsedPath } from '../router/parse-path.ts';
import type { RewritePlan } from './plan.ts';

/** A rewrite as a route says it; what is replaced may depend on which of the route's paths matched. */
export type RewriteTemplate =
  | { readonly kind: 'fixed'; readonly plan: RewritePlan }
  | { readonly kind: 'matchedPrefix'; readonly replacement: string; readonly host: string | undefined };

export function buildRewrite(rewrite: Rewrite | undefined): RewriteTemplate {
  const host = rewrite?.host || undefined;
  if (rewrite?.pathRewrite.case === undefined) return { kind: 'fixed', plan: { kind: 'keep', host } };
  switch (rewrite.pathRewrite.case) {
    case 'stripPrefix':
      return {
        kind: 'fixed',
        plan: { kind: 'prefix', length: withoutSlash(rewrite.pathRewrite.value).length, replacement: '', host },
      };
    case 'replacePrefix':
      return { kind: 'matchedPrefix', replacement: withoutSlash(rewrite.pathRewrite.value), host };
    case 'path':
      return { kind: 'fixed', plan: { kind: 'template', ...splitTemplate(rewrite.pathRewrite.value), host } };
    default:
      return rewrite.pathRewrite satisfies never;
  }
}

/** The rewrite for a request that this path took. A path that is no prefix is replaced as a whole. */
export function rewriteFor(template: RewriteTemplate, path: ParsedPath | undefined): RewritePlan {
  if (template.kind === 'fixed') return template.plan;
  const { replacement, host } = template;
  if (path === undefined) return { kind: 'prefix', length: 0, replacement, host };
  if (path.kind === 'prefix') return { kind: 'prefix', length: path.value.length, replacement, host };
  return { kind: 'template', literals: [replacement || '/'], params: [], host };
}

function withoutSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}

function splitTemplate(text: string): { literals: string[]; params: string[] } {
  const parts = text.split(/\{([^{}]*)\}/);
  return { literals: parts.filter((_, index) => index % 2 === 0), params: parts.filter((_, index) => index % 2 === 1) };
}
