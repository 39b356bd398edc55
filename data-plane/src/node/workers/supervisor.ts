import type { Log } from '@sluice/engine';
import {
  releaseWorker,
  type Shared,
  type SharedCacheCall,
  type SharedCacheReply,
  type SlotDirectory,
} from '../../shared/index.ts';
import type { FromWorker, KeysSettledMessage, ListenerAddress } from '../../worker/messages.ts';
import { LiveWorker } from './live-worker.ts';
import { RestartPace } from './restart-pace.ts';
import { Seats } from './seats.ts';
import { StallWatch } from './stall-watch.ts';
import { WorkerListeners } from './worker-listeners.ts';
import { WorkerReplacement } from './worker-replacement.ts';

export interface SupervisorOptions {
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  readonly group: string;
  readonly zone: string;
  /** Somebody takes the spans of traced requests. */
  readonly recordsSpans: boolean;
  readonly listeners: readonly ListenerAddress[];
  /** Workers can listen on one address: a successor listens before its predecessor leaves. */
  readonly reusePort: boolean;
  /** What the requests of a worker that is replaced may still take. */
  readonly drainTimeoutMs: number;
  readonly log: Log;
  /** Everything that is, or is about to be, active; packed for a worker that knows nothing. */
  readonly whole: () => SharedArrayBuffer;
  /** A worker listens on all it was told. */
  readonly onListening: () => void;
  /** A worker asks for the keys of an issuer. */
  readonly onKeysWanted: (issuer: string) => void;
  /** A worker asks the cache that nodes share; `answer` reaches it while it lives. */
  readonly onSharedCache: (call: SharedCacheCall, answer: AnswerSharedCache) => void;
  /** A worker's thread is over. */
  readonly onEnded: () => void;
  /** Told before each start of a thread, which fails where this throws. */
  readonly onThread?: () => void;
  /** A listener could not be bound by a worker. */
  readonly onBindFailed: (listener: string, reason: string) => void;
}

/** `bytes` are those of the reply, which go to the worker. */
export type AnswerSharedCache = (reply: SharedCacheReply, bytes?: ArrayBuffer) => void;

/** A worker that does not stage a change within this is replaced. */
const STAGE_TIMEOUT_MS = 5_000;

/**
 * Keeps the workers alive, brings them all to each generation, and has them listen. Longer than other files: it is one state machine,
 * and a worker's every step from one phase to the next is taken here. What takes none is elsewhere: who sits where (`Seats`), what all
 * listen on (`WorkerListeners`), whom another is to follow (`WorkerReplacement`), when (`RestartPace`, `StallWatch`).
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #seats: Seats;
  readonly #listeners: WorkerListeners;
  readonly #replacement: WorkerReplacement;
  readonly #pace = new RestartPace();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #stalls: StallWatch;
  readonly #watch: NodeJS.Timeout;
  #target = 0;
  #waiting: { readonly generation: number; readonly settle: (error: string | undefined) => void } | undefined;
  #restarts = 0;
  #ending = false;
  #drained: { readonly left: Set<LiveWorker>; readonly done: () => void } | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { shared, reusePort, log } = options;
    this.#seats = new Seats(shared.region.writers - 1);
    this.#listeners = new WorkerListeners(reusePort);
    this.#replacement = new WorkerReplacement({
      seats: this.#seats,
      reusePort,
      log,
      isEnding: () => this.#ending,
      spawn: (seat, predecessor) => this.#spawn(seat, predecessor),
    });
    this.#stalls = new StallWatch(shared.clock.nowMs());
    this.#watch = setInterval(() => this.#replaceStalled(), StallWatch.everyMs);
  }

  /** Workers that ended and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Workers that serve, and can be reached. */
  get serving(): number {
    const listening = this.#serving().filter(({ listens }) => listens);
    return Math.min(listening.length, this.workers);
  }

  get workers(): number {
    return this.#options.shared.region.workers;
  }

  /** Since a worker last showed a sign of life. */
  silentMs(): number {
    const { control, clock } = this.#options.shared;
    return clock.nowMs() - Math.max(...this.#seats.numbers.map((seat) => control.lastBeatMs(seat)));
  }

  start(): void {
    for (let seat = 0; seat < this.workers; seat++) this.#spawn(seat);
  }

  /**
   * Has every worker build a change. Workers that take too long, or end meanwhile, are replaced by ones that start with it.
   * Resolves with an error where a worker says that it cannot build it.
   */
  stage(generation: number, packed: SharedArrayBuffer): Promise<string | undefined> {
    this.#target = generation;
    const timer = this.#after(STAGE_TIMEOUT_MS, () => this.#replacement.late(generation));
    return new Promise((resolve) => {
      const settle = (error: string | undefined): void => {
        this.#clear(timer);
        this.#waiting = undefined;
        resolve(error);
      };
      this.#waiting = { generation, settle };
      for (const worker of this.#seats.workers()) {
        if (worker.phase !== 'starting') worker.post({ type: 'stage', generation, packed });
      }
    });
  }

  /** A generation is active: workers that waited for it begin to serve. */
  activated(): void {
    for (const worker of this.#seats.workers()) this.#serve(worker);
  }

  /** Goes back to an earlier generation after one that could not be staged; workers that began with that one are replaced. */
  abandon(generation: number, earlier: number): void {
    this.#target = earlier;
    for (const worker of this.#seats.workers()) {
      const serves = worker.phase === 'serving' || worker.phase === 'leaving';
      if (!serves && worker.generation === generation) void worker.terminate();
    }
  }

  /** Listens on an address in every worker, now and in later ones. */
  bind(listener: ListenerAddress): void {
    if (this.#ending) return;
    this.#listeners.bind(listener, this.#serving());
  }

  unbind(name: string, deadlineMs: number): void {
    if (this.#ending) return;
    this.#listeners.unbind(name, deadlineMs, this.#serving());
  }

  /** Tells every worker that has work something that it needs no answer for. */
  tell(message: KeysSettledMessage): void {
    for (const worker of this.#seats.workers()) if (worker.phase !== 'starting') worker.post(message);
  }

  /** Replaces all workers, one after the other: each leaves when its successor listens. Resolves when all have left. */
  replaceAll(): Promise<void> {
    return this.#replacement.all();
  }

  /** No new connections; resolves when all workers finished what they had, at the latest soon after the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#end();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = { left: new Set(this.#seats.workers()), done: resolve };
    if (this.#drained.left.size === 0) resolve();
    for (const worker of this.#seats.workers()) {
      if (worker.phase !== 'leaving') worker.post({ type: 'drain', deadlineMs });
    }
    const late = setTimeout(resolve, deadlineMs + 1_000);
    await promise;
    clearTimeout(late);
  }

  /** Ends all workers at once. */
  async close(): Promise<void> {
    this.#end();
    await Promise.all(this.#seats.workers().map((worker) => worker.terminate()));
  }

  /** From now on nothing is replaced. */
  #end(): void {
    this.#ending = true;
    clearInterval(this.#watch);
    for (const timer of this.#timers) this.#clear(timer);
  }

  /** False: there is no thread for it. It is tried again here where it is to take the place of one that is over. */
  #spawn(seat: number, predecessor?: LiveWorker): boolean {
    const { shared, group, zone, recordsSpans, listeners, log } = this.#options;
    shared.control.begin(seat, shared.clock.nowMs());
    let worker: LiveWorker;
    try {
      this.#options.onThread?.();
      worker = new LiveWorker(seat, { region: shared.region, group, zone, recordsSpans, listeners });
    } catch (error) {
      // As where the process may have no more threads.
      log.error('worker cannot be started', { worker: seat, error: String(error) });
      shared.control.setWorkerState(seat, 'absent');
      const wasBegun = predecessor === undefined || predecessor.successor !== undefined;
      if (wasBegun) this.#restart(seat, 0, predecessor);
      return false;
    }
    if (predecessor !== undefined) {
      worker.predecessor = predecessor;
      predecessor.successor = worker;
    }
    this.#seats.take(worker);
    worker.thread.on('message', (message: FromWorker) => this.#hear(worker, message));
    worker.thread.on('error', (error) => {
      log.error('worker crashed', {
        worker: seat,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    });
    worker.thread.on('exit', () => {
      this.#ended(worker);
      worker.ended.resolve();
    });
    return true;
  }

  #hear(worker: LiveWorker, message: FromWorker): void {
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
        this.#left(worker, message.cut);
        break;
      case 'keysWanted':
        this.#options.onKeysWanted(message.issuer);
        break;
      case 'sharedCache':
        this.#options.onSharedCache(message.call, (reply, bytes) => worker.post({ type: 'sharedCache', reply }, bytes));
        break;
      case 'unbound':
        break;
      default:
        message satisfies never;
    }
  }

  /** A new worker: it starts with everything, unless there is nothing yet and it may serve `not_ready`. */
  #begin(worker: LiveWorker): void {
    if (this.#target === 0) {
      worker.phase = 'staged';
      this.#serve(worker);
      return;
    }
    worker.phase = 'staging';
    worker.post({ type: 'stage', generation: this.#target, packed: this.#options.whole() });
  }

  #staged(worker: LiveWorker, generation: number, error: string | undefined): void {
    if (error === undefined) worker.generation = generation;
    if (worker.phase === 'staging') {
      if (error !== undefined) {
        this.#options.log.error('worker cannot build what is active', { worker: worker.seat, error });
        void worker.terminate();
        return;
      }
      worker.phase = 'staged';
      this.#serve(worker);
    }
    if (this.#waiting?.generation !== generation || !worker.counts) return;
    if (error !== undefined) this.#waiting.settle(error);
    else this.#settleWhenAllStaged();
  }

  /** Seats whose worker has ended hold nothing up: the next one starts with the change. */
  #settleWhenAllStaged(): void {
    const { generation, settle } = this.#waiting!;
    const counted = this.#seats.counted();
    if (counted.length > 0 && counted.every((worker) => worker.generation === generation)) settle(undefined);
  }

  /** Lets a worker listen once what it staged is active. */
  #serve(worker: LiveWorker): void {
    if (worker.phase !== 'staged' || this.#options.shared.control.activeGeneration() < worker.generation) return;
    worker.phase = 'serving';
    if (!this.#listeners.begin(worker)) this.#tookPlace(worker);
  }

  #bindEnded(worker: LiveWorker, listener: string): void {
    if (!this.#listeners.answered(worker, listener)) return;
    this.#options.onListening();
    this.#tookPlace(worker);
  }

  /** A successor listens: who was there before it leaves. */
  #tookPlace(worker: LiveWorker): void {
    const { predecessor } = worker;
    worker.predecessor = undefined;
    if (predecessor === undefined || this.#ending) return;
    predecessor.phase = 'leaving';
    predecessor.post({ type: 'drain', deadlineMs: this.#options.drainTimeoutMs });
    this.#restarts++;
  }

  /** A worker finished what it had. */
  #left(worker: LiveWorker, cut: number): void {
    const { log } = this.#options;
    if (cut > 0) log.warn('requests cut at the end of draining', { worker: worker.seat, requests: cut });
    this.#leftDrain(worker);
    if (!this.#ending) void worker.terminate();
  }

  #ended(worker: LiveWorker): void {
    const { shared, directory, log } = this.#options;
    this.#seats.leave(worker);
    shared.control.setWorkerState(worker.seat, 'absent');
    releaseWorker(shared, directory, worker.seat);
    this.#options.onEnded();
    this.#leftDrain(worker);
    if (this.#ending) return;
    if (worker.phase === 'leaving') {
      log.info('worker has left', { worker: worker.seat });
      return;
    }
    this.#restarts++;
    const { successor, predecessor } = worker;
    if (successor !== undefined) {
      // It ended before its successor was there, which is on its way.
      successor.predecessor = undefined;
    } else this.#restart(worker.seat, performance.now() - worker.startedAtMs, predecessor);
    if (this.#waiting !== undefined) this.#settleWhenAllStaged();
  }

  /** The worker of a seat is over after it had lived so long: another takes the seat, at once or after a pause. */
  #restart(seat: number, livedMs: number, predecessor: LiveWorker | undefined): void {
    const inMs = this.#pace.next(seat, livedMs);
    this.#options.log.warn('worker ended, starting its successor', { worker: seat, inMs });
    this.#seats.reserve(seat);
    this.#after(inMs, () => this.#spawn(seat, predecessor));
  }

  #replaceStalled(): void {
    const { shared, log } = this.#options;
    const beats = this.#seats.workers().map(({ seat }) => [seat, shared.control.lastBeatMs(seat)] as const);
    for (const [seat, stalledMs] of this.#stalls.look(shared.clock.nowMs(), beats)) {
      log.error('worker stalled, replacing it', { worker: seat, stalledMs: Math.round(stalledMs) });
      void this.#seats.at(seat)?.terminate();
    }
  }

  #serving(): LiveWorker[] {
    return this.#seats.workers().filter(({ phase }) => phase === 'serving');
  }

  #leftDrain(worker: LiveWorker): void {
    if (this.#drained?.left.delete(worker) && this.#drained.left.size === 0) this.#drained.done();
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
