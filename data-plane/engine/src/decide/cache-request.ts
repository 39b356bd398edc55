import { type CacheDirectives, NO_DIRECTIVES, parseCacheControl } from './cache-control.ts';
import type { StoredTimes } from './cache-response.ts';

/** What a request says to caches; undefined: nothing. Pragma stands for Cache-Control where that is absent (RFC 9111, 5.4). */
export function requestDirectives(
  cacheControl: string | undefined,
  pragma: string | undefined,
): Readonly<CacheDirectives> | undefined {
  if (cacheControl !== undefined) return parseCacheControl(cacheControl);
  return pragma !== undefined && /(?:^|,)[ \t]*no-cache[ \t]*(?:,|$)/i.test(pragma)
    ? { ...NO_DIRECTIVES, noCache: true }
    : undefined;
}

/** How an answer that is stored may be used for a request. */
export type CacheUse =
  /** As it is. */
  | 'fresh'
  /** As it is, and it is fetched again meanwhile (RFC 5861). */
  | 'whileRevalidate'
  /** Once the origin says that it still holds; or where the origin cannot be asked, and that is allowed. */
  | 'stale';

/** RFC 9111, 4. `ageMs`: how old it is now. */
export function judgeStored(times: StoredTimes, ageMs: number, asked: Readonly<CacheDirectives> | undefined): CacheUse {
  const leftMs = times.lifetimeMs - ageMs;
  if (asked !== undefined) {
    if (asked.noCache) return 'stale';
    if (asked.maxAge >= 0 && ageMs > asked.maxAge * 1000) return 'stale';
    if (asked.minFresh >= 0 && leftMs < asked.minFresh * 1000) return 'stale';
    if (leftMs <= 0 && !times.mustRevalidate && asked.maxStale >= 0 && -leftMs <= asked.maxStale * 1000) return 'fresh';
  }
  if (leftMs > 0) return 'fresh';
  if (asked !== undefined && asked.maxAge >= 0) return 'stale';
  return -leftMs < times.whileRevalidateMs ? 'whileRevalidate' : 'stale';
}

/** Whether a stale answer may be served because the origin fails (RFC 5861, 4). */
export function servesOnError(times: StoredTimes, ageMs: number): boolean {
  return !times.mustRevalidate && ageMs - times.lifetimeMs < times.ifErrorMs;
}

/** Whether the fallback `staleCache` may serve an answer of this age. */
export function servesAsFallback(times: StoredTimes, ageMs: number, maxAgeMs: number): boolean {
  return !times.mustRevalidate && ageMs <= maxAgeMs;
}

/** Whether an answer with this status is the origin failing (RFC 5861, 4). */
export function isOriginError(status: number): boolean {
  return status === 500 || status === 502 || status === 503 || status === 504;
}

/** What a request says it has already. */
export interface AskedConditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
}

/** Whether a client has what is stored, so that 304 tells it all (RFC 9110, 13.2.2). */
export function isNotModified(
  { ifNoneMatch, ifModifiedSince }: AskedConditions,
  etag: string | undefined,
  lastModifiedMs: number | undefined,
  parseDate: (text: string) => number | undefined,
): boolean {
  if (ifNoneMatch !== undefined) return etag !== undefined && listsTag(ifNoneMatch, etag);
  if (ifModifiedSince === undefined || lastModifiedMs === undefined) return false;
  const sinceMs = parseDate(ifModifiedSince);
  return sinceMs !== undefined && lastModifiedMs <= sinceMs;
}

const ENTITY_TAG = /[ \t]*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)/y;

/** Weak comparison with each of a list (RFC 9110, 8.8.3.2). */
function listsTag(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  const wanted = opaque(etag);
  ENTITY_TAG.lastIndex = 0;
  for (let match = ENTITY_TAG.exec(list); match !== null; match = ENTITY_TAG.exec(list)) {
    if (opaque(match[1] as string) === wanted) return true;
    if (ENTITY_TAG.lastIndex >= list.length) break;
  }
  return false;
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
