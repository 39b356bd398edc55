import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SharedRegion } from '../region.ts';
import { GO, type HammerTask, READY, SIGNALS } from './hammer.ts';

export interface Hammers {
  readonly signal: Int32Array<SharedArrayBuffer>;
  readonly admitted: Int32Array<SharedArrayBuffer>;
  readonly spoiled: Int32Array<SharedArrayBuffer>;
  /** Starts the thread of one worker; it waits for `go`. */
  start(worker: number): Worker;
  /** Lets all threads, those that wait and those to come, begin. Waits until `ready` threads stand by. */
  go(ready: number): Promise<void>;
}

/** Real threads that hammer one region. `counters` is the length of `admitted` and `spoiled`. */
export function createHammers(region: SharedRegion, task: HammerTask, counters = 1): Hammers {
  const signals = new SharedArrayBuffer(SIGNALS * 4);
  const admitted = new SharedArrayBuffer(counters * 4);
  const spoiled = new SharedArrayBuffer(counters * 4);
  const signal = new Int32Array(signals);
  return {
    signal,
    admitted: new Int32Array(admitted),
    spoiled: new Int32Array(spoiled),
    start(worker) {
      const workerData = { region, worker, signals, admitted, spoiled, task };
      return new Worker(new URL('./thread.ts', import.meta.url), { workerData });
    },
    async go(ready) {
      await waitFor(() => Atomics.load(signal, READY) >= ready);
      Atomics.store(signal, GO, 1);
      Atomics.notify(signal, GO);
    },
  };
}

/** Runs `task` in `threads` threads to its end. */
export async function hammer(region: SharedRegion, task: HammerTask, threads: number, counters = 1): Promise<Hammers> {
  const hammers = createHammers(region, task, counters);
  const ends = Array.from({ length: threads }, (_, worker) => ended(hammers.start(worker)));
  await hammers.go(threads);
  await Promise.all(ends);
  return hammers;
}

/** Resolves when the thread has ended by itself; rejects with what it threw. */
export async function ended(worker: Worker): Promise<void> {
  const [code] = (await once(worker, 'exit')) as [number];
  if (code !== 0) throw new Error(`the thread exited with ${code}`);
}

/** Polls until `condition` holds. Throws after 30 s. */
export async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 30 s in vain');
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
