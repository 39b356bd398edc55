import { type CompiledCondition, conditionCovers } from './compile-condition.ts';
import type { CompiledMatch } from './compile-route.ts';
import type { ParsedPath, PathPrefix, PathTemplate } from './parse-path.ts';

/** Whether `wide` takes every request that `narrow` takes, hosts aside. False where that cannot be told. */
export function coversMatch(wide: CompiledMatch, narrow: CompiledMatch): boolean {
  return (
    pathCovers(wide.path, narrow.path) &&
    methodsCover(wide.methods, narrow.methods) &&
    conditionsCover(wide.headers, narrow.headers) &&
    conditionsCover(wide.query, narrow.query)
  );
}

function pathCovers(wide: ParsedPath | undefined, narrow: ParsedPath | undefined): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return false;
  switch (wide.kind) {
    case 'exact':
      return narrow.kind === 'exact' && narrow.value === wide.value;
    case 'template':
      return templateCovers(wide, narrow);
    case 'prefix':
      return prefixCovers(wide, narrow);
    case 'regex':
      return narrow.kind === 'exact'
        ? wide.regex.test(narrow.value)
        : narrow.kind === 'regex' && narrow.value === wide.value;
    default:
      return wide satisfies never;
  }
}

function templateCovers(wide: PathTemplate, narrow: ParsedPath): boolean {
  if (narrow.kind !== 'exact' && narrow.kind !== 'template') return false;
  const segments =
    narrow.kind === 'exact'
      ? narrow.value.slice(1).split('/')
      : narrow.segments.map((segment) => (segment.kind === 'literal' ? segment.text : undefined));
  return (
    segments.length === wide.segments.length &&
    wide.segments.every((segment, i) =>
      segment.kind === 'literal' ? segments[i] === segment.text : segments[i] !== '',
    )
  );
}

function prefixCovers(wide: PathPrefix, narrow: ParsedPath): boolean {
  const below = `${wide.value}/`;
  switch (narrow.kind) {
    case 'exact':
    case 'prefix':
      return narrow.value === wide.value || narrow.value.startsWith(below);
    case 'regex':
      return narrow.regex.requiredPrefix.startsWith(below);
    case 'template':
      return wide.segments.every((text, i) => {
        const segment = narrow.segments[i];
        return segment?.kind === 'literal' && segment.text === text;
      });
    default:
      return narrow satisfies never;
  }
}

function methodsCover(wide: ReadonlySet<string> | undefined, narrow: ReadonlySet<string> | undefined): boolean {
  return wide === undefined || narrow?.isSubsetOf(wide) === true;
}

/** Each condition of `wide` follows from one of `narrow`. */
function conditionsCover(wide: readonly CompiledCondition[], narrow: readonly CompiledCondition[]): boolean {
  return wide.every((outer) => narrow.some((inner) => conditionCovers(outer, inner)));
}
