import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Log } from '@sluice/engine';
import { releaseWorker, type Shared, type SlotDirectory } from '../shared/index.ts';
import type { FromWorker, ListenerAddress, ToWorker, WorkerStart } from '../worker/messages.ts';

export interface SupervisorOptions {
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  readonly group: string;
  readonly listeners: readonly ListenerAddress[];
  readonly log: Log;
  /** Everything that is, or is about to be, active; packed for a worker that knows nothing. */
  readonly whole: () => SharedArrayBuffer;
  /** A listener could not be bound by a worker. */
  readonly onBindFailed: (listener: string, reason: string) => void;
}

/** A worker that does not stage a change within this is replaced. */
const STAGE_TIMEOUT_MS = 5_000;
/** A worker whose event loop did not turn for this long is replaced. */
const STALL_MS = 5_000;
const WATCH_EVERY_MS = 500;
/** A worker that ends sooner than this after its start crashed at once: its successor waits a little, and longer each time. */
const SETTLED_MS = 2_000;
const RESTART_BASE_MS = 25;
const RESTART_MAX_MS = 1_000;

/** Room for what a worker makes and drops: with the default of a thread, garbage collection is a tenth of its start. */
const YOUNG_GENERATION_MB = 64;

type Phase = 'starting' | 'staging' | 'staged' | 'serving';

interface Live {
  readonly index: number;
  readonly thread: Worker;
  readonly startedAtMs: number;
  phase: Phase;
  /** The newest generation it has staged. */
  generation: number;
  /** Listeners it was told to bind and has not answered for. */
  readonly binding: Set<string>;
  /** It has listened, on all it was told at first. */
  listens: boolean;
}

/** Keeps the workers alive, brings them all to each generation, and has them listen. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #live = new Map<number, Live>();
  readonly #quickEnds = new Map<number, number>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #bound = new Map<string, ListenerAddress>();
  readonly #watch: NodeJS.Timeout;
  #target = 0;
  #waiting: { readonly generation: number; readonly settle: (error: string | undefined) => void } | undefined;
  #restarts = 0;
  #ending = false;
  #drained: { readonly left: Set<number>; readonly done: () => void } | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#watch = setInterval(() => this.#replaceStalled(), WATCH_EVERY_MS);
  }

  /** Workers that ended and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Workers that serve, and can be reached. */
  get serving(): number {
    let count = 0;
    for (const { phase, listens } of this.#live.values()) if (phase === 'serving' && listens) count++;
    return count;
  }

  get workers(): number {
    return this.#options.shared.region.workers;
  }

  start(): void {
    for (let index = 0; index < this.workers; index++) this.#spawn(index);
  }

  /**
   * Has every worker build a change. Workers that take too long, or end meanwhile, are replaced by ones that start with it.
   * Resolves with an error where a worker says that it cannot build it.
   */
  stage(generation: number, packed: SharedArrayBuffer): Promise<string | undefined> {
    this.#target = generation;
    const timer = this.#after(STAGE_TIMEOUT_MS, () => this.#replaceLate(generation));
    return new Promise((resolve) => {
      const settle = (error: string | undefined): void => {
        this.#clear(timer);
        this.#waiting = undefined;
        resolve(error);
      };
      this.#waiting = { generation, settle };
      for (const worker of this.#live.values()) {
        if (worker.phase !== 'starting') this.#post(worker, { type: 'stage', generation, packed });
      }
    });
  }

  /** A generation is active: workers that waited for it begin to serve. */
  activated(): void {
    for (const worker of this.#live.values()) this.#serve(worker);
  }

  /** Goes back to an earlier generation after one that could not be staged; workers that began with that one are replaced. */
  abandon(generation: number, earlier: number): void {
    this.#target = earlier;
    for (const worker of this.#live.values()) {
      if (worker.phase !== 'serving' && worker.generation === generation) void worker.thread.terminate();
    }
  }

  /** Listens on an address in every worker, now and in later ones. */
  bind(listener: ListenerAddress): void {
    this.#bound.set(listener.name, listener);
    for (const worker of this.#live.values()) if (worker.phase === 'serving') this.#bindIn(worker, listener);
  }

  unbind(name: string, deadlineMs: number): void {
    this.#bound.delete(name);
    for (const worker of this.#live.values()) {
      if (worker.phase === 'serving') this.#post(worker, { type: 'unbind', listener: name, deadlineMs });
    }
  }

  /** No new connections; resolves when all workers finished what they had, at the latest soon after the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#ending = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers) this.#clear(timer);
    this.#options.shared.control.drain();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = { left: new Set(this.#live.keys()), done: resolve };
    if (this.#live.size === 0) resolve();
    for (const worker of this.#live.values()) this.#post(worker, { type: 'drain', deadlineMs });
    const late = setTimeout(resolve, deadlineMs + 1_000);
    await promise;
    clearTimeout(late);
  }

  /** Ends all workers at once. */
  async close(): Promise<void> {
    this.#ending = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers) this.#clear(timer);
    await Promise.all([...this.#live.values()].map(({ thread }) => thread.terminate()));
  }

  #spawn(index: number): void {
    const { shared, group, listeners } = this.#options;
    shared.control.begin(index, shared.clock.nowMs());
    const workerData: WorkerStart = {
      index,
      region: shared.region,
      group,
      listeners,
      compileCache: getCompileCacheDir(),
    };
    const thread = new Worker(new URL('../worker/start.ts', import.meta.url), {
      workerData,
      name: `worker ${index}`,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    const worker: Live = {
      index,
      thread,
      startedAtMs: performance.now(),
      phase: 'starting',
      generation: 0,
      binding: new Set(),
      listens: false,
    };
    this.#live.set(index, worker);
    thread.on('message', (message: FromWorker) => this.#hear(worker, message));
    thread.on('error', (error) => {
      this.#options.log.error('worker crashed', {
        worker: index,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    });
    thread.on('exit', () => this.#ended(worker));
  }

  #hear(worker: Live, message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        this.#begin(worker);
        break;
      case 'staged':
        this.#staged(worker, message.generation, message.error);
        break;
      case 'bindFailed':
        this.#options.onBindFailed(message.listener, `${message.code}: ${message.message}`);
        this.#bindEnded(worker, message.listener);
        break;
      case 'bound':
        this.#bindEnded(worker, message.listener);
        break;
      case 'drained':
        if (message.cut > 0)
          this.#options.log.warn('requests cut at the end of draining', {
            worker: worker.index,
            requests: message.cut,
          });
        this.#leftDrain(worker.index);
        break;
      case 'unbound':
        break;
      default:
        message satisfies never;
    }
  }

  /** A new worker: it starts with everything, unless there is nothing yet and it may serve `not_ready`. */
  #begin(worker: Live): void {
    if (this.#target === 0) {
      worker.phase = 'staged';
      this.#serve(worker);
      return;
    }
    worker.phase = 'staging';
    this.#post(worker, { type: 'stage', generation: this.#target, packed: this.#options.whole() });
  }

  #staged(worker: Live, generation: number, error: string | undefined): void {
    if (error === undefined) worker.generation = generation;
    if (worker.phase === 'staging') {
      if (error !== undefined) {
        this.#options.log.error('worker cannot build what is active', { worker: worker.index, error });
        void worker.thread.terminate();
        return;
      }
      worker.phase = 'staged';
      this.#serve(worker);
    }
    if (this.#waiting?.generation !== generation) return;
    if (error !== undefined) this.#waiting.settle(error);
    else this.#settleWhenAllStaged();
  }

  #settleWhenAllStaged(): void {
    const { generation } = this.#waiting!;
    if (this.#live.size < this.workers) return;
    for (const worker of this.#live.values()) if (worker.generation !== generation) return;
    this.#waiting!.settle(undefined);
  }

  /** Lets a worker listen once what it staged is active. */
  #serve(worker: Live): void {
    if (worker.phase !== 'staged' || this.#options.shared.control.activeGeneration() < worker.generation) return;
    worker.phase = 'serving';
    for (const listener of this.#bound.values()) this.#bindIn(worker, listener);
  }

  #bindEnded(worker: Live, listener: string): void {
    worker.binding.delete(listener);
    if (worker.binding.size === 0) worker.listens = true;
  }

  #bindIn(worker: Live, { name, host, port }: ListenerAddress): void {
    worker.binding.add(name);
    this.#post(worker, { type: 'bind', listener: name, host, port });
  }

  #ended(worker: Live): void {
    const { shared, directory, log } = this.#options;
    this.#live.delete(worker.index);
    shared.control.setWorkerState(worker.index, 'absent');
    releaseWorker(shared, directory, worker.index);
    this.#leftDrain(worker.index);
    if (this.#ending) return;
    this.#restarts++;
    const quick =
      performance.now() - worker.startedAtMs < SETTLED_MS ? (this.#quickEnds.get(worker.index) ?? 0) + 1 : 0;
    this.#quickEnds.set(worker.index, quick);
    const waitMs = quick <= 1 ? 0 : Math.min(RESTART_BASE_MS * 2 ** (quick - 2), RESTART_MAX_MS);
    log.warn('worker ended, starting its successor', { worker: worker.index, inMs: waitMs });
    this.#after(waitMs, () => this.#spawn(worker.index));
  }

  #replaceLate(generation: number): void {
    for (const worker of this.#live.values()) {
      if (worker.generation >= generation) continue;
      this.#options.log.error('worker did not build a change in time, replacing it', {
        worker: worker.index,
        generation,
      });
      void worker.thread.terminate();
    }
  }

  #replaceStalled(): void {
    const { shared, log } = this.#options;
    const nowMs = shared.clock.nowMs();
    for (const { index, thread } of this.#live.values()) {
      const stalledMs = nowMs - shared.control.lastBeatMs(index);
      if (stalledMs < STALL_MS) continue;
      log.error('worker stalled, replacing it', { worker: index, stalledMs: Math.round(stalledMs) });
      void thread.terminate();
    }
  }

  #leftDrain(index: number): void {
    if (this.#drained?.left.delete(index) && this.#drained.left.size === 0) this.#drained.done();
  }

  #post(worker: Live, message: ToWorker): void {
    worker.thread.postMessage(message);
  }

  #after(ms: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #clear(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}
