import { keyOf, type Problem } from '@sluice/engine';
import { type RateLimit, RateLimitScope, type Resource } from '@sluice/proto';

/** Connected nodes of any of these groups, no group meaning all, that share no store of limits with others. */
export type NodesWithoutStore = (groups: readonly string[]) => readonly string[];

/** Limits of the cluster, where a connected node that is to hold them has no store to share them by. */
export function findMissingStores(resources: readonly Resource[], nodesWithoutStore: NodesWithoutStore): Problem[] {
  return resources.flatMap((resource): Problem[] => {
    const at = limitsOf(resource).findIndex(({ scope }) => scope === RateLimitScope.CLUSTER);
    if (at < 0) return [];
    const [first, ...others] = nodesWithoutStore(resource.nodeGroups);
    if (first === undefined) return [];
    const [kind, name] = keyOf(resource).split('/') as [string, string];
    const nodes = others.length === 0 ? `node ${first} was` : `node ${first} and ${others.length} more were`;
    return [
      {
        severity: 'error',
        kind,
        name,
        field: `spec.rateLimits[${at}].scope`,
        message: `the ${nodes} started without --redis, by which nodes share the limits of a cluster`,
        remedy: 'start every node that gets it with --redis, or write scope: node',
      },
    ];
  });
}

function limitsOf({ spec }: Resource): readonly RateLimit[] {
  return spec.case === 'policy' || spec.case === 'route' ? spec.value.rateLimits : [];
}
