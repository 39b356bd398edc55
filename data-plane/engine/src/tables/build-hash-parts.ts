import { CannotBuild } from './cannot-build.ts';
import type { HashPart } from './service-plan.ts';

const NAMED = ['header', 'cookie', 'query'] as const;

/** What `by` and `stickyBy` name: `consumer`, `clientIp`, `path`, `header:NAME`, `cookie:NAME` or `query:NAME`. */
export function buildHashParts(by: readonly string[]): readonly HashPart[] {
  return by.map((text): HashPart => {
    if (text === 'consumer' || text === 'clientIp' || text === 'path') return { kind: text };
    for (const kind of NAMED) {
      if (!text.startsWith(`${kind}:`)) continue;
      const name = text.slice(kind.length + 1);
      return { kind, name: kind === 'header' ? name.toLowerCase() : name };
    }
    throw new CannotBuild(`${text} is nothing that this version can hash by`);
  });
}
