import { isOriginError, servesAsFallback, servesOnError } from '@sluice/engine';
import type { Exchange } from '../exchange.ts';
import type { CacheRecord } from './cache-record.ts';
import { serveRecord } from './cache-serve.ts';

/** The record that serves because the service fails (RFC 5861, 4); null: none does. */
function recordOnError(x: Exchange): CacheRecord | null {
  const record = x.cache?.stale ?? null;
  return record !== null && servesOnError(record, record.ageMs(x.context.nowUs)) ? record : null;
}

/** Whether an answer with this status is thrown away for a record. */
export function isReplacedOnError(x: Exchange, status: number): boolean {
  return isOriginError(status) && recordOnError(x) !== null;
}

/** Serves a record where the service cannot. False: there is none. */
export function serveOnError(x: Exchange): boolean {
  const record = recordOnError(x);
  if (record === null) return false;
  serveRecord(x, record, 'stale');
  return true;
}

/** Whether the fallback `staleCache` has something to serve. */
export function hasStale(x: Exchange, maxAgeMs: number): boolean {
  const record = x.cache?.stale ?? null;
  return record !== null && servesAsFallback(record, record.ageMs(x.context.nowUs), maxAgeMs);
}

/** Serves what `hasStale` found. */
export function serveStale(x: Exchange): void {
  serveRecord(x, x.cache?.stale as CacheRecord, 'stale');
}
