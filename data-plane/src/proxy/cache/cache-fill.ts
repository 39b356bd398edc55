import { type ArrivedResponse, isOriginError, type StoredTimes, storedTimes, varyNames } from '@sluice/engine';
import {
  ChunkedDecoder,
  dropTable,
  HeaderId,
  joinedFieldValue,
  namedFieldValue,
  type ResponseHead,
} from '../../http1/index.ts';
import type { ResponseEditsState } from '../body/response-edits-state.ts';
import { WholeBody } from '../body/whole-body.ts';
import type { Exchange } from '../exchange.ts';
import { hashKeyInto, variantKey } from './cache-key.ts';
import { isPersonal } from './cache-personal.ts';
import {
  type CacheRecord,
  encodeAnswer,
  encodeNotKept,
  encodeVariants,
  fieldOf,
  freshenedHead,
} from './cache-record.ts';
import type { CacheState } from './cache-state.ts';
import type { CacheUse } from './cache-use.ts';
import { keepShared } from './shared-cache-keep.ts';

/** An answer on its way to its client that is kept once all of it has come. */
export interface CacheFill {
  readonly body: WholeBody;
  /** Of a body in chunks. */
  readonly decoder: ChunkedDecoder | null;
  readonly head: string;
  readonly status: number;
  /** As the service says it; of an answer to HEAD that of the body which is not sent. */
  readonly announced: number;
  readonly key: string;
  readonly variants: readonly string[];
  readonly times: StoredTimes;
  readonly storedUs: number;
}

/** The head of the answer has come, and the client gets it: begins to keep it where that may be. */
export function beginFill(x: Exchange, use: CacheUse, head: ResponseHead): void {
  const state = x.route.cache as CacheState;
  if (use.stale !== null) x.context.shared.metrics.add(state.counters.miss);
  if (!use.keeps) return;
  use.fill = openFill(x, state, use, head, null);
  if (use.fill !== null) return;
  if (!isOriginError(head.status)) noteNotKept(x, use);
  endFill(x, use);
}

function openFill(
  x: Exchange,
  state: CacheState,
  use: CacheUse,
  head: ResponseHead,
  edits: ResponseEditsState | null,
): CacheFill | null {
  const { plan } = state;
  // Where the end of the connection is the end of the body, nobody knows whether it was whole.
  if (head.body === 'close' || (head.body === 'length' && head.contentLength > plan.maxBodyBytes)) return null;
  const times = storedTimes(plan, arrived(x, head), isPersonal(x, state));
  const variants = varyNames(joinedFieldValue(head, HeaderId.vary) ?? '');
  if (times === undefined || variants === undefined) return null;
  const text = keptHead(x, state, head, edits);
  if (text === undefined) return null;
  return {
    body: new WholeBody(x.context.cacheBudget, plan.maxBodyBytes),
    decoder: head.body === 'chunked' ? startedDecoder() : null,
    head: text,
    status: head.status,
    announced: head.body === 'none' ? head.contentLength : -1,
    key: variants.length === 0 ? use.key : variantKey(x, use.key, variants),
    variants,
    times,
    storedUs: x.context.nowUs,
  };
}

function startedDecoder(): ChunkedDecoder {
  const decoder = new ChunkedDecoder();
  decoder.begin();
  return decoder;
}

/** What the service sent in `chunk[at..end)`, as it came. */
export function fillMore(x: Exchange, use: CacheUse, fill: CacheFill, chunk: Buffer, at: number, end: number): void {
  if (at === end) return;
  if (keep(fill, chunk, at, end)) return;
  x.context.shared.metrics.overflow('cache_fills');
  noteNotKept(x, use);
  endFill(x, use);
}

function keep({ body, decoder }: CacheFill, chunk: Buffer, at: number, end: number): boolean {
  if (decoder === null) return body.add(chunk.subarray(at, end)) === 'added';
  for (let from = at; from < end; from = decoder.end) {
    if (decoder.next(chunk, from) !== 'data') break;
    if (body.add(chunk.subarray(decoder.dataStart, decoder.dataEnd)) !== 'added') return false;
  }
  return true;
}

/** All of the answer has come: from now on others get it. */
export function completeFill(x: Exchange, use: CacheUse): void {
  const { fill } = use;
  if (fill === null) return;
  fill.body.complete();
  const { shared } = x.context;
  const contentLength = x.responseBody.relay === 'none' ? fill.announced : fill.body.bytes.length;
  if (fill.variants.length > 0) {
    put(x, use.key, [encodeVariants(use.key, fill.variants, use.number, fill.storedUs)]);
  }
  const record = encodeAnswer({ ...fill, contentLength, number: use.number });
  if (!put(x, fill.key, [record, fill.body.bytes])) shared.metrics.overflow('cache_fills');
  if (use.epoch !== '') keepShared(x, use, fill.variants, { ...fill, contentLength }, fill.body.bytes);
  endFill(x, use);
}

/** Keeps an answer that was there whole, as it goes to the client. */
export function keepWhole(x: Exchange, use: CacheUse, head: ResponseHead, bytes: Buffer): void {
  const state = x.route.cache as CacheState;
  if (!use.keeps) return;
  const fill = openFill(x, state, use, { ...head, body: 'length', contentLength: bytes.length }, x.route.responseEdits);
  if (fill === null) {
    if (!isOriginError(head.status)) noteNotKept(x, use);
    endFill(x, use);
    return;
  }
  use.fill = fill;
  fillMore(x, use, fill, bytes, 0, bytes.length);
  completeFill(x, use);
}

/** The service says that a record still holds: it is kept anew, with what the 304 says. Undefined: it may be kept no longer. */
export function freshen(x: Exchange, use: CacheUse, record: CacheRecord, head: ResponseHead): Buffer | undefined {
  const state = x.route.cache as CacheState;
  const told = keptHead(x, state, head, null);
  if (told === undefined) return undefined;
  const text = freshenedHead(record.head, told);
  const fields: ArrivedResponse = {
    ...arrived(x, head),
    status: record.status,
    // An Age is of the 304, and not kept.
    field: (name) => (name === 'age' ? namedFieldValue(head, name) : fieldOf(text, name)),
  };
  const times = storedTimes(state.plan, fields, isPersonal(x, state));
  if (times === undefined) return undefined;
  const variants = varyNames(fieldOf(text, 'vary') ?? '') ?? [];
  const key = variants.length === 0 ? use.key : variantKey(x, use.key, variants);
  const { status, contentLength, body } = record;
  const { nowUs } = x.context;
  const answer = { key, status, head: text, contentLength, storedUs: nowUs, times };
  const encoded = encodeAnswer({ ...answer, number: use.number });
  if (variants.length > 0) put(x, use.key, [encodeVariants(use.key, variants, use.number, nowUs)]);
  put(x, key, [encoded, body]);
  if (use.epoch !== '') keepShared(x, use, variants, answer, body);
  return Buffer.concat([encoded, body]);
}

/** Whoever fetched for the cache does so no longer, and those who wait are told. */
export function endFill(x: Exchange, use: CacheUse): void {
  use.fill?.body.release();
  use.fill = null;
  const { cell } = use;
  use.cell = -1;
  if (cell < 0 || !x.context.shared.cacheFills.end(cell)) return;
  const { doorbells, region, writer } = x.context.shared;
  for (let worker = 0; worker < region.writers - 1; worker++) if (worker !== writer) doorbells.ring(worker);
  setImmediate(() => x.context.cacheWaits.onRing());
}

/** Those who ask for this do not wait for each other for a while. */
function noteNotKept(x: Exchange, use: CacheUse): void {
  put(x, use.key, [encodeNotKept(use.key, use.number, x.context.nowUs)]);
}

const hash = { lo: 0, hi: 0 };

function put(x: Exchange, key: string, parts: readonly Uint8Array[]): boolean {
  hashKeyInto(x, key, hash);
  return x.context.shared.responses.put(hash, parts);
}

/** The head without what belongs to its connection or is the route's and the gateway's to say. */
function keptHead(
  x: Exchange,
  state: CacheState,
  head: ResponseHead,
  edits: ResponseEditsState | null,
): string | undefined {
  const { writer, dateLine } = x.context;
  writer.response(head.status, head.reason);
  if (edits === null) writer.forward(head, state.drop, state.dropNames);
  else writer.forward(head, dropTable(edits.drop, [HeaderId.age]), edits.dropNames);
  if (!head.dated) writer.fields(dateLine);
  return writer.end()?.slice(0, -2);
}

function arrived(x: Exchange, head: ResponseHead): ArrivedResponse {
  return {
    status: head.status,
    delayMs: (x.context.nowUs - x.tryStartedUs) / 1000,
    unixNowMs: Date.now(),
    field: (name) => namedFieldValue(head, name),
  };
}
