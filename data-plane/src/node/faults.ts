import { type CachePhase, cachePhases } from './cache/node-cache.ts';

/** What goes wrong on purpose, for tests. */
export interface Faults {
  /** Kills this process, as `kill -9` does, when a phase of the cache is entered for the `count`-th time. */
  readonly killIn: { readonly phase: CachePhase; readonly count: number } | undefined;
}

/** Reads SLUICE_FAULTS: entries such as `kill-in=base-rename:2`, separated by spaces. Entries of others are passed over. */
export function readFaults(text: string | undefined): Faults {
  const match = /(?:^|\s)kill-in=([a-z-]+):(\d+)(?:\s|$)/.exec(text ?? '');
  const phase = cachePhases.find((each) => each === match?.[1]);
  return { killIn: phase && { phase, count: Number(match?.[2]) } };
}

/** What the cache calls before each phase. */
export function cacheFault({ killIn }: Faults): ((phase: CachePhase) => void) | undefined {
  if (killIn === undefined) return undefined;
  let left = killIn.count;
  return (phase) => {
    if (phase === killIn.phase && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
