import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ToWorker, WorkerStart } from '../../worker/messages.ts';

/** Room for what a worker makes and drops: with the default of a thread, garbage collection is a tenth of its start. */
const YOUNG_GENERATION_MB = 64;

/**
 * From its start to its end: it loads, builds what is active, waits for that to be active, serves, and, where a successor takes its
 * place, leaves.
 */
type Phase = 'starting' | 'staging' | 'staged' | 'serving' | 'leaving';

/** A worker thread that has not ended. */
export class LiveWorker {
  /** Its column in shared memory. */
  readonly seat: number;
  readonly thread: Worker;
  readonly startedAtMs = performance.now();
  phase: Phase = 'starting';
  /** The newest generation it has staged. */
  generation = 0;
  /** Listeners it was told to bind and has not answered for. */
  readonly binding = new Set<string>();
  /** It has listened, on all it was told at first. */
  listens = false;
  /** Changes no longer wait for it. */
  late = false;
  /** Who is to take its place. */
  successor: LiveWorker | undefined;
  /** Whose place it takes, once it listens. */
  predecessor: LiveWorker | undefined;
  /** Resolves when it has ended. */
  readonly ended = Promise.withResolvers<void>();

  constructor(seat: number, options: Pick<WorkerStart, 'region' | 'group' | 'zone' | 'recordsSpans' | 'listeners'>) {
    this.seat = seat;
    const workerData: WorkerStart = { index: seat, ...options, compileCache: getCompileCacheDir() };
    this.thread = new Worker(new URL('../../worker/start.js', import.meta.url), {
      workerData,
      name: `worker ${seat}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
  }

  /** It is one of those that a change is built in before it is active. */
  get counts(): boolean {
    return !this.late && this.phase !== 'leaving';
  }

  /** `bytes` go there, and are nobody's here any longer. */
  post(message: ToWorker, bytes?: ArrayBuffer): void {
    this.thread.postMessage(message, bytes === undefined ? [] : [bytes]);
  }

  /** Ends at once, with all it holds. */
  terminate(): Promise<number> {
    return this.thread.terminate();
  }
}
