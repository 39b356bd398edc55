import { type Cache, CacheShared } from '@sluice/proto';
import type { CachePlan } from '../decide/cache-response.ts';
import { CannotBuild } from './cannot-build.ts';
import { durationMs, sizeBytes } from './read-duration.ts';

const DEFAULT_CACHED_BODY_BYTES = 1_048_576;

export function buildCache(cache: Cache): CachePlan {
  if (cache.shared !== CacheShared.UNSPECIFIED && cache.shared !== CacheShared.REDIS)
    throw new CannotBuild('where the cache is shared is not known to this version of the node');
  const methods = cache.methods.length === 0 ? ['GET'] : cache.methods;
  return {
    ttlMs: durationMs(cache.ttl, 0),
    keepsGet: methods.includes('GET'),
    keepsHead: methods.includes('HEAD'),
    vary: cache.vary.map((name) => name.toLowerCase()).sort(),
    respectOrigin: cache.respectOrigin ?? true,
    maxBodyBytes: sizeBytes(cache.maxBodyBytes, DEFAULT_CACHED_BODY_BYTES),
    tags: cache.tags,
    staleWhileRevalidateMs: durationMs(cache.staleWhileRevalidate, 0),
    staleIfErrorMs: durationMs(cache.staleIfError, 0),
    shared: cache.shared === CacheShared.REDIS,
  };
}
