import { type CacheDirectives, judgeStored, requestDirectives } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../../http1/index.ts';
import { FILL_TAKEN, type Hash64, UNSHARED_FILL } from '../../shared/index.ts';
import { answerProblem } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { addressCell, addressOf, cacheKey, hashKeyInto, MAX_KEY_LENGTH, variantKey } from './cache-key.ts';
import { ANSWER, CacheRecord, conditionsOf, NOT_KEPT, VARIANTS } from './cache-record.ts';
import { revalidateBehind } from './cache-revalidate.ts';
import { serveRecord } from './cache-serve.ts';
import type { CacheState } from './cache-state.ts';
import { CacheUse, type ForwardReason } from './cache-use.ts';
import { awaitFill } from './cache-waits.ts';
import { lookUpRecalled } from './shared-cache-lookup.ts';
import { recall } from './shared-cache-recall.ts';

/** How long nobody waits for an answer of an address whose last one could not be kept. */
const NOT_KEPT_MS = 10_000;

const hash: Hash64 = { lo: 0, hi: 0 };
/** Of the last `find`: under which key the answer is, or would be. */
let foundKey = '';
let foundVariants = false;

/** Answers from the cache where it may (RFC 9111, 4). Costs a comparison on routes without one. */
export function lookUpCache(x: Exchange): boolean {
  const { cache } = x.route;
  return cache !== null && lookUp(x, cache);
}

function lookUp(x: Exchange, state: CacheState): boolean {
  const { head, context } = x;
  const { method } = head;
  if (method !== 'GET' && method !== 'HEAD') return goPast(x, state, 'method');
  const asked = requestDirectives(joinedFieldValue(head, HeaderId.cacheControl), x.header('pragma'));
  if (goesPast(x, asked)) return goPast(x, state, 'bypass');
  if (x.cache?.isRecalled === true) return lookUpRecalled(x, state, x.cache);
  const key = cacheKey(x, state, method === 'HEAD' && !state.plan.keepsHead ? 'GET' : method);
  if (key.length > MAX_KEY_LENGTH) return goPast(x, state, 'bypass');
  const record = find(x, state, key);
  const isAnswer = record !== undefined && record.kind === ANSWER;
  const judgement = isAnswer ? judgeStored(record, record.ageMs(context.nowUs), asked) : 'stale';
  if (isAnswer && judgement !== 'stale') {
    const fresh = judgement === 'fresh';
    if (!fresh && keepsMethod(state, method)) revalidateBehind(x, key, foundKey, record);
    serveRecord(x, record, fresh ? 'hit' : 'stale', x.cache === null ? '' : '; collapsed');
    return true;
  }
  if (asked?.onlyIfCached === true) {
    context.shared.metrics.add(state.counters.miss);
    answerProblem(x, 'not_cached');
    return true;
  }
  const reason: ForwardReason = isAnswer
    ? asked?.noCache === true
      ? 'request'
      : 'stale'
    : foundVariants
      ? 'vary-miss'
      : 'uri-miss';
  return fetchFor(x, state, key, record, reason, asked?.noCache === true);
}

/** Forwards it as the one that fetches the answer for all, or waits for the one that does. */
function fetchFor(
  x: Exchange,
  state: CacheState,
  key: string,
  record: CacheRecord | undefined,
  reason: ForwardReason,
  asksService: boolean,
): boolean {
  const { shared } = x.context;
  const use = x.cache ?? new CacheUse();
  x.cache = use;
  use.reason = reason;
  use.key = key;
  use.stale = record !== undefined && record.kind === ANSWER ? record : null;
  use.keeps = keepsMethod(state, x.head.method);
  use.address = addressOf(x);
  use.number = shared.invalidations.now();
  use.cell = UNSHARED_FILL;
  if (use.keeps && record?.kind !== NOT_KEPT) {
    hashKeyInto(x, foundKey, use.hash);
    const cell = shared.cacheFills.begin(use.hash);
    if (cell === FILL_TAKEN) {
      if (!use.alone) return awaitFill(x, use, shared.cacheFills.busyCell, shared.cacheFills.busyWord);
    } else use.cell = cell;
    use.asksWhole = true;
    if (use.stale !== null) use.conditions = conditionsOf(use.stale);
    if (state.plan.shared && !asksService && recall(x, state, use, foundKey)) return true;
  }
  if (use.stale === null) shared.metrics.add(state.counters.miss);
  return false;
}

function keepsMethod({ plan }: CacheState, method: string): boolean {
  return method === 'GET' ? plan.keepsGet : plan.keepsHead;
}

/** What the cache has nothing to do with. */
function goPast(x: Exchange, state: CacheState, reason: ForwardReason): false {
  x.context.shared.metrics.add(state.counters.bypass);
  x.cache = new CacheUse();
  x.cache.reason = reason;
  return false;
}

/** Requests for a part, with conditions about changes, with content, or that are not to leave anything behind. */
function goesPast(x: Exchange, asked: Readonly<CacheDirectives> | undefined): boolean {
  const { head } = x;
  return (
    head.body !== 'none' ||
    x.webSocketKey !== '' ||
    asked?.noStore === true ||
    x.header('range') !== undefined ||
    x.header('if-match') !== undefined ||
    x.header('if-unmodified-since') !== undefined ||
    x.header('if-range') !== undefined
  );
}

/** The record for a request that still counts, by the names that its answers vary by. Sets `foundKey`. */
function find(x: Exchange, state: CacheState, key: string): CacheRecord | undefined {
  foundKey = key;
  foundVariants = false;
  const first = read(x, key);
  if (first === undefined || !counts(x, state, first)) return undefined;
  if (first.kind !== VARIANTS) return first;
  foundVariants = true;
  foundKey = variantKey(x, key, first.head.split('\n'));
  const variant = read(x, foundKey);
  return variant !== undefined && counts(x, state, variant) ? variant : undefined;
}

function read(x: Exchange, key: string): CacheRecord | undefined {
  hashKeyInto(x, key, hash);
  const bytes = x.context.shared.responses.get(hash);
  if (bytes === undefined) return undefined;
  const record = new CacheRecord(bytes);
  return record.isOf(key) ? record : undefined;
}

/** Nothing that it is of was invalidated since, and, of what only says that nothing was kept, its time is not over. */
function counts(x: Exchange, state: CacheState, record: CacheRecord): boolean {
  const { invalidations } = x.context.shared;
  const { number } = record;
  for (const cell of state.cells) if (!invalidations.holds(cell, number)) return false;
  if (!invalidations.holds(addressCell(x, addressOf(x)), number)) return false;
  return record.kind !== NOT_KEPT || x.context.nowUs - record.storedUs < NOT_KEPT_MS * 1000;
}
