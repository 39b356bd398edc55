import type { Log } from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';
import type { RedisLeases } from '../leases/redis-leases.ts';
import type { SharedCache } from '../shared-cache/shared-cache.ts';

/** What a node has Redis for. */
export interface RedisUses {
  readonly leases: RedisLeases;
  readonly sharedCache: SharedCache;
  close(): void;
}

/**
 * Begins to connect, and waits for no connection. Only nodes with `--redis` load its client, which is a sixth of what the main thread
 * loads. `namespace`: nodes of one share their answers.
 */
export async function startRedis(
  url: string,
  nodeId: string,
  namespace: () => string,
  shared: Shared,
  log: Log,
): Promise<RedisUses> {
  const { RedisLeases } = await import('../leases/redis-leases.ts');
  const { RedisAnswers } = await import('../shared-cache/redis-answers.ts');
  const { SharedCache } = await import('../shared-cache/shared-cache.ts');
  const leases = new RedisLeases(url, nodeId, log);
  leases.start();
  const sharedCache = new SharedCache(shared, new RedisAnswers(url, namespace, log), log);
  return {
    leases,
    sharedCache,
    close: () => {
      leases.close();
      sharedCache.close();
    },
  };
}
