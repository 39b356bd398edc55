import type { LinearRegex } from './linear-regex.ts';
import { compileRegex } from './linear-regex.ts';
import { normalizePath } from './normalize-path.ts';
import { MAX_PATTERN_CHARS, MAX_PATTERN_SEGMENTS, type PathPattern } from './route-match.ts';

/** A path pattern, checked and ready to match. */
export type ParsedPath =
  | { readonly kind: 'exact'; readonly value: string }
  | PathPrefix
  | PathTemplate
  | { readonly kind: 'regex'; readonly value: string; readonly regex: LinearRegex };

/** The path itself and the paths below it, by whole segments. */
export interface PathPrefix {
  readonly kind: 'prefix';
  /** Without a trailing slash, so that `/` is empty. */
  readonly value: string;
  readonly segments: readonly string[];
}

/** As many segments as the template has; a parameter stands for one segment that is not empty. */
export interface PathTemplate {
  readonly kind: 'template';
  readonly value: string;
  readonly segments: readonly TemplateSegment[];
}

export type TemplateSegment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'parameter'; readonly name: string };

/** Parses a pattern, which must be written in the form paths are normalized to. Returns a message where it is wrong. */
export function parsePath(pattern: PathPattern): ParsedPath | string {
  if (pattern.value.length > MAX_PATTERN_CHARS) return `has more than ${MAX_PATTERN_CHARS} characters`;
  switch (pattern.kind) {
    case 'exact':
      return checkNormalized(pattern.value) ?? { kind: 'exact', value: pattern.value };
    case 'prefix':
      return parsePrefix(pattern.value);
    case 'template':
      return parseTemplate(pattern.value);
    case 'regex': {
      const regex = compileRegex(pattern.value);
      return 'message' in regex ? regex.message : { kind: 'regex', value: pattern.value, regex };
    }
    default:
      return pattern.kind satisfies never;
  }
}

const PARAMETER = /^\{([^{}]*)\}$/;
const PARAMETER_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

function parsePrefix(text: string): ParsedPath | string {
  const message = checkNormalized(text);
  if (message !== undefined) return message;
  const value = text.endsWith('/') ? text.slice(0, -1) : text;
  const segments = value === '' ? [] : value.slice(1).split('/');
  return { kind: 'prefix', value, segments };
}

function parseTemplate(text: string): ParsedPath | string {
  if (!text.startsWith('/')) return 'must begin with "/"';
  const segments: TemplateSegment[] = [];
  const names = new Set<string>();
  for (const part of text.slice(1).split('/')) {
    const name = PARAMETER.exec(part)?.[1];
    if (name === undefined) {
      if (/[{}]/.test(part)) return `"${part}" must be a whole parameter, as in "/{id}/", or hold no braces`;
      segments.push({ kind: 'literal', text: part });
      continue;
    }
    if (!PARAMETER_NAME.test(name))
      return `"${name}" is not a parameter name: letters, digits, "_" and "-", at most 64`;
    if (names.has(name)) return `uses the parameter "${name}" twice`;
    names.add(name);
    segments.push({ kind: 'parameter', name });
  }
  const literals = segments.map((segment) => (segment.kind === 'literal' ? segment.text : 'x'));
  return checkNormalized(`/${literals.join('/')}`) ?? { kind: 'template', value: text, segments };
}

function checkNormalized(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must begin with "/"';
  const at = path.search(/[?#]/);
  if (at !== -1) return `must not hold "${path[at]}": it is compared with the path alone`;
  const normal = normalizePath(path, { allowEncodedSlashes: true });
  if (typeof normal !== 'string') return `can never match: ${normal.message}`;
  if (normal !== path) return `can never match, because paths are normalized first; write it as "${normal}"`;
  if (path.split('/').length - 1 > MAX_PATTERN_SEGMENTS) return `has more than ${MAX_PATTERN_SEGMENTS} segments`;
  return undefined;
}
