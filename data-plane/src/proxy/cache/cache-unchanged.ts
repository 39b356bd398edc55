import type { ResponseHead } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';
import { freshen } from './cache-fill.ts';
import { CacheRecord } from './cache-record.ts';
import { serveRecord } from './cache-serve.ts';
import type { CacheUse } from './cache-use.ts';

/** The service's answer is 304 to what the gateway itself asked: the record serves. */
export function serveUnchanged(x: Exchange, use: CacheUse, record: CacheRecord, head: ResponseHead): void {
  const fresh = freshen(x, use, record, head);
  serveRecord(x, fresh === undefined ? record : new CacheRecord(fresh), 'revalidated');
}
