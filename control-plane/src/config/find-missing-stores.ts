import { keyOf, type Problem } from '@sluice/engine';
import { CacheShared, RateLimitScope, type Resource } from '@sluice/proto';

/** Connected nodes of any of these groups, no group meaning all, that share no Redis with others. */
export type NodesWithoutStore = (groups: readonly string[]) => readonly string[];

/** What nodes share by Redis, limits of the cluster and caches, where a connected node that is to do so has none. */
export function findMissingStores(resources: readonly Resource[], nodesWithoutStore: NodesWithoutStore): Problem[] {
  return resources.flatMap((resource): Problem[] => {
    const needs = needsOf(resource);
    if (needs.length === 0) return [];
    const [first, ...others] = nodesWithoutStore(resource.nodeGroups);
    if (first === undefined) return [];
    const [kind, name] = keyOf(resource).split('/') as [string, string];
    const nodes = others.length === 0 ? `node ${first} was` : `node ${first} and ${others.length} more were`;
    return needs.map(({ field, shares, otherwise }) => ({
      severity: 'error',
      kind,
      name,
      field,
      message: `the ${nodes} started without --redis, by which nodes share ${shares}`,
      remedy: `start every node that gets it with --redis, or ${otherwise}`,
    }));
  });
}

interface Need {
  readonly field: string;
  readonly shares: string;
  readonly otherwise: string;
}

/** At most one of each sort. */
function needsOf({ spec }: Resource): Need[] {
  if (spec.case !== 'policy' && spec.case !== 'route') return [];
  const { rateLimits, cache } = spec.value;
  const needs: Need[] = [];
  const at = rateLimits.findIndex(({ scope }) => scope === RateLimitScope.CLUSTER);
  if (at >= 0) {
    const field = `spec.rateLimits[${at}].scope`;
    needs.push({ field, shares: 'the limits of a cluster', otherwise: 'write scope: node' });
  }
  if (cache?.shared === CacheShared.REDIS) {
    needs.push({ field: 'spec.cache.shared', shares: 'their caches', otherwise: 'leave shared out' });
  }
  return needs;
}
