import { isNotModified, parseHttpDate } from '@sluice/engine';
import type { FieldText } from '../../http1/index.ts';
import { connectionLine, ownResponseLines } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { sendWithBody } from '../finish-response.ts';
import type { CacheRecord } from './cache-record.ts';
import type { CacheState } from './cache-state.ts';

const NOTHING = Buffer.alloc(0);
const NOT_MODIFIED = 'HTTP/1.1 304 Not Modified';

/** How a record is served: as it is, past its time, or once the service has said that it holds. */
export type Served = 'hit' | 'stale' | 'revalidated';
/** As it was there; another request fetched it meanwhile; another node had it. */
export type HowServed = '' | '; collapsed' | '; detail=shared';

/** Answers with a record, in one write. `how`: what Cache-Status says besides. */
export function serveRecord(x: Exchange, record: CacheRecord, served: Served, how: HowServed = ''): void {
  const { context, route, head } = x;
  const state = route.cache as CacheState;
  const ageMs = record.ageMs(context.nowUs);
  const isUnchanged = record.status === 200 && hasConditions(x) && clientHas(x, record);
  const { contentLength } = record;
  const ttl = Math.floor((record.lifetimeMs - ageMs) / 1000);
  x.status = isUnchanged ? 304 : record.status;
  x.keepAlive = head.keepAlive && !x.client.leaving;
  let text = record.head;
  if (isUnchanged) text = NOT_MODIFIED + text.slice(text.indexOf('\r\n'));
  text += `age: ${Math.floor(ageMs / 1000)}\r\ncache-status: sluice; ${PARAMETERS[served]}; ttl=${ttl}${how}\r\n`;
  if (!isUnchanged && contentLength >= 0 && record.status !== 204) text += `content-length: ${contentLength}\r\n`;
  text += `${ownResponseLines(x)}${connectionLine(x)}${route.responseLines}\r\n`;
  if (!(x.cache?.isBehind ?? false)) context.shared.metrics.add(state.counters[served]);
  sendWithBody(x, text, isUnchanged || head.method === 'HEAD' ? NOTHING : record.body);
  x.answered(x.status);
}

const PARAMETERS = { hit: 'hit', stale: 'hit', revalidated: 'hit; fwd=stale; fwd-status=304' } as const;

/** Says of a forwarded request what the cache had, and whether its answer is kept. */
export function cacheStatusLine(x: Exchange): FieldText {
  const { cache } = x;
  if (cache === null) return '' as FieldText;
  return `cache-status: sluice; fwd=${cache.reason}${cache.fill === null ? '' : '; stored'}\r\n` as FieldText;
}

function hasConditions(x: Exchange): boolean {
  return x.header('if-none-match') !== undefined || x.header('if-modified-since') !== undefined;
}

function clientHas(x: Exchange, record: CacheRecord): boolean {
  const parse = (text: string): number | undefined => parseHttpDate(text, Date.now());
  const modified = record.field('last-modified') ?? record.field('date');
  return isNotModified(
    { ifNoneMatch: x.header('if-none-match'), ifModifiedSince: x.header('if-modified-since') },
    record.field('etag'),
    modified === undefined ? undefined : parse(modified),
    parse,
  );
}
