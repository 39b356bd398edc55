import { type CacheDirectives, type CacheUse as Judgement, judgeStored } from '@sluice/engine';
import { type Hash64, UNSHARED_FILL } from '../../shared/index.ts';
import type { CacheFill } from './cache-fill.ts';
import type { CacheRecord } from './cache-record.ts';

/** Why a request was forwarded (RFC 9211, 2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'miss';

/** What the cache has to do with a request that it does not answer at once. */
export class CacheUse {
  /** Why it goes on. */
  reason: ForwardReason = 'bypass';
  /** Its answer may be kept. */
  keeps = false;
  /** The whole answer is asked for, whatever the client has already. */
  asksWhole = false;
  /** Without the values of Vary, and with those that it was looked for by. */
  key = '';
  readonly hash: Hash64 = { lo: 0, hi: 0 };
  address = '';
  /** Number of the invalidations when it was asked. */
  number = 0;
  /** What is there and cannot be used as it is. */
  stale: CacheRecord | null = null;
  /** What it asks the service about that. */
  conditions = '';
  /** The cell that tells others that this request fetches the answer. */
  cell = UNSHARED_FILL;
  /** The answer on its way into the cache. */
  fill: CacheFill | null = null;
  /** Who fetches what it waits for, and until when; 0: it has not waited. */
  waitsForCell = 0;
  waitsForWord = 0n;
  waitsUntilMs = 0;
  /** How many fetches that it waited for have ended; where it is asked, they brought nothing. */
  fruitless = 0;
  /** It waits for no further one. */
  alone = false;
  /** The cache that nodes share was asked, or cannot be. */
  isRecalled = false;
  /** In state `recalling`: the question, where it looks, until when, and when it asked. 0: it has not. */
  recallId = 0;
  recallKey = '';
  recallUntilMs = 0;
  recallAskedUs = 0;
  questions = 0;
  /** The answer that was there. */
  recalled: CacheRecord | null = null;
  /** What the store said before the answer was fetched, the time there, and when it said so. Empty: it is not to be kept there. */
  epoch = '';
  storeMs = 0;
  storeAtUs = 0;
  /** Nobody waits for its answer but the cache. */
  isBehind = false;

  judge(asked: Readonly<CacheDirectives> | undefined, record: CacheRecord, nowUs: number): Judgement {
    return judgeStored(record, record.ageMs(nowUs), asked);
  }
}
