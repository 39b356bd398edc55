import { type CachePhase, cachePhases } from './cache/node-cache.ts';

/** What goes wrong on purpose, for tests. */
export interface Faults {
  /** Kills this process, as `kill -9` does, when a phase of the cache is entered for the `count`-th time. */
  readonly killIn: { readonly phase: CachePhase; readonly count: number } | undefined;
  /** The thread of a worker that is started as the `noThread`-th cannot be made. */
  readonly noThread: number | undefined;
}

/**
 * Reads SLUICE_FAULTS: entries such as `kill-in=base-rename:2` and `no-thread=3`, separated by spaces. Entries of others are passed over.
 */
export function readFaults(text: string | undefined): Faults {
  const match = /(?:^|\s)kill-in=([a-z-]+):(\d+)(?:\s|$)/.exec(text ?? '');
  const phase = cachePhases.find((each) => each === match?.[1]);
  const thread = /(?:^|\s)no-thread=(\d+)(?:\s|$)/.exec(text ?? '')?.[1];
  return {
    killIn: phase && { phase, count: Number(match?.[2]) },
    noThread: thread === undefined ? undefined : Number(thread),
  };
}

/** What the cache calls before each phase. */
export function cacheFault({ killIn }: Faults): ((phase: CachePhase) => void) | undefined {
  if (killIn === undefined) return undefined;
  let left = killIn.count;
  return (phase) => {
    if (phase === killIn.phase && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}

/** What is called before each start of a thread. */
export function threadFault({ noThread }: Faults): (() => void) | undefined {
  if (noThread === undefined) return undefined;
  let left = noThread;
  return () => {
    if (--left === 0) throw new Error('no thread, as asked for');
  };
}
