import type { PathMatch } from '@sluice/proto';
import { toPathPattern } from '../config/matchable-route.ts';
import { type ParsedPath, parsePath } from '../router/parse-path.ts';
import { CannotBuild } from './cannot-build.ts';

/** A path condition outside of the router, such as a rate limit's. */
export function compilePathCondition(path: PathMatch): (path: string) => boolean {
  const pattern = toPathPattern(path);
  if (pattern === undefined) return () => true;
  const parsed = parsePath(pattern);
  if (typeof parsed === 'string') throw new CannotBuild(`the path ${pattern.value} ${parsed}`);
  return conditionOf(parsed);
}

function conditionOf(parsed: ParsedPath): (path: string) => boolean {
  switch (parsed.kind) {
    case 'exact':
      return (path) => path === parsed.value;
    case 'prefix':
      return (path) =>
        path.startsWith(parsed.value) && (path.length === parsed.value.length || path[parsed.value.length] === '/');
    case 'template':
      return (path) => {
        const segments = path.split('/');
        return (
          segments.length === parsed.segments.length + 1 &&
          parsed.segments.every((segment, index) => {
            const text = segments[index + 1];
            return segment.kind === 'literal' ? text === segment.text : text !== '';
          })
        );
      };
    case 'regex':
      return (path) => parsed.regex.test(path);
    default:
      return parsed satisfies never;
  }
}
