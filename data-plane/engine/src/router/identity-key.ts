import { conditionKey } from './compile-condition.ts';
import type { CompiledMatch } from './compile-route.ts';
import type { HostPattern } from './parse-host.ts';
import type { ParsedPath } from './parse-path.ts';

/**
 * Equal for a host and match that accept the same requests in the same way, whatever the order and case things are written in and
 * whatever template parameters are called. Two routes of equal priority must not have one in common: neither would be the greater.
 */
export function identityKey(match: CompiledMatch, host: HostPattern): string {
  return JSON.stringify([
    host.kind,
    host.name,
    pathKey(match.path),
    match.methods === undefined ? null : [...match.methods].sort(),
    match.headers.map(conditionKey).sort(),
    match.query.map(conditionKey).sort(),
  ]);
}

function pathKey(path: ParsedPath | undefined): readonly unknown[] {
  if (path === undefined) return [];
  if (path.kind !== 'template') return [path.kind, path.value];
  return [path.kind, path.segments.map((segment) => (segment.kind === 'literal' ? segment.text : null))];
}
