import type { PathTemplate } from './parse-path.ts';

/**
 * The parameters of a template that matched the path, by name, as they stand in the normalized path (escapes of reserved
 * characters are kept). Reads only when asked, so that matching allocates nothing for it.
 */
export function readPathParams(template: PathTemplate, path: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  let start = 1;
  for (const segment of template.segments) {
    const slash = path.indexOf('/', start);
    const end = slash === -1 ? path.length : slash;
    if (segment.kind === 'parameter') params.set(segment.name, path.slice(start, end));
    start = end + 1;
  }
  return params;
}
