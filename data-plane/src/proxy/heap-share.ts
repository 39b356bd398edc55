import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { resourceLimits } from 'node:worker_threads';

/** V8 sets aside for the young generation half as much again as it may hold. */
const YOUNG_RESERVE = 1.5;
const youngBytes = YOUNG_RESERVE * (resourceLimits.maxYoungGenerationSizeMb ?? 0) * 1024 * 1024;
/** Emptied by every small collection, or not this thread's own. */
const NOT_OLD = /^(?:new_space|read_only|shared_)/;

/**
 * How much is in use of what this thread may keep in its heap, 0..1: at 1 V8 ends the thread. Young objects do not count, most are
 * garbage, nor does their share of the limit.
 */
export function heapShare(): number {
  let used = 0;
  for (const { space_name: name, space_used_size: size } of getHeapSpaceStatistics()) {
    if (!NOT_OLD.test(name)) used += size;
  }
  return used / heapLimitBytes();
}

/** What this thread may keep. */
export function heapLimitBytes(): number {
  return getHeapStatistics().heap_size_limit - youngBytes;
}
