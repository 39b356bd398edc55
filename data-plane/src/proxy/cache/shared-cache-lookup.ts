import { judgeStored, requestDirectives } from '@sluice/engine';
import { HeaderId, joinedFieldValue } from '../../http1/index.ts';
import type { Exchange } from '../exchange.ts';
import { endFill } from './cache-fill.ts';
import { revalidateBehind } from './cache-revalidate.ts';
import { serveRecord } from './cache-serve.ts';
import type { CacheState } from './cache-state.ts';
import type { CacheUse } from './cache-use.ts';
import { takeAsStale } from './shared-cache-recall.ts';

/** Serves what the store had where it may be used as it is; else it is asked about. */
export function lookUpRecalled(x: Exchange, state: CacheState, use: CacheUse): boolean {
  const { recalled } = use;
  if (recalled !== null) {
    const { context } = x;
    const asked = requestDirectives(joinedFieldValue(x.head, HeaderId.cacheControl), x.header('pragma'));
    const judgement = judgeStored(recalled, recalled.ageMs(context.nowUs), asked);
    if (judgement !== 'stale') {
      // Who waited finds it in the node's memory.
      endFill(x, use);
      if (judgement !== 'fresh') revalidateBehind(x, use.key, use.recallKey, recalled, use);
      serveRecord(x, recalled, judgement === 'fresh' ? 'hit' : 'stale', '; detail=shared');
      return true;
    }
    takeAsStale(use, recalled, context.nowUs);
  }
  if (use.stale === null) x.context.shared.metrics.add(state.counters.miss);
  return false;
}
