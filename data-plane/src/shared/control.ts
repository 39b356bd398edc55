import type { SharedRegion } from './region.ts';

/** Life of a worker. A worker that ended is `absent` until its successor starts. */
export const workerStates = ['absent', 'starting', 'ready', 'draining'] as const;
export type WorkerState = (typeof workerStates)[number];

const LINE_WORDS = 16;
const ACTIVE_GENERATION = 0;
const DRAINING = 1;
/** Of the words as 64 bits. */
const BELIEVE_UNTIL = 1;
const STATE = 0;
const COMMITTED = 1;
const INCARNATION = 2;
const HEARTBEAT = 4;

/** The words by which the main thread steers its workers and sees them live. */
export class Control {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #times: Float64Array<SharedArrayBuffer>;

  constructor(region: SharedRegion) {
    this.#words = new Int32Array(region.control);
    this.#times = new Float64Array(region.control);
  }

  /** The generation that requests are to see. A worker reads it once per request, when the head is complete. */
  activeGeneration(): number {
    return Atomics.load(this.#words, ACTIVE_GENERATION);
  }

  /** Main only: the one store that activates a generation in all workers. */
  activate(generation: number): void {
    Atomics.store(this.#words, ACTIVE_GENERATION, generation);
  }

  draining(): boolean {
    return Atomics.load(this.#words, DRAINING) === 1;
  }

  /** Main only: the process is leaving. */
  drain(): void {
    Atomics.store(this.#words, DRAINING, 1);
  }

  /** Main only: from this time on, microseconds of the shared clock, no credential is believed. Until it is called any is. */
  believeCallersUntil(us: number): void {
    // Zero is what the memory begins with.
    this.#times[BELIEVE_UNTIL] = us > 0 ? us : -1;
  }

  /** What the node knows of callers has not been confirmed for so long that none is to be believed. One load. */
  disbelievesCallers(nowUs: number): boolean {
    const until = this.#times[BELIEVE_UNTIL]!;
    return until !== 0 && nowUs >= until;
  }

  workerState(worker: number): WorkerState {
    return workerStates[Atomics.load(this.#words, at(worker) + STATE)]!;
  }

  setWorkerState(worker: number, state: WorkerState): void {
    Atomics.store(this.#words, at(worker) + STATE, workerStates.indexOf(state));
  }

  /** The generation this worker last committed to its tables. */
  workerGeneration(worker: number): number {
    return Atomics.load(this.#words, at(worker) + COMMITTED);
  }

  setWorkerGeneration(worker: number, generation: number): void {
    Atomics.store(this.#words, at(worker) + COMMITTED, generation);
  }

  /** How many threads have held this index, the present one included. */
  incarnation(worker: number): number {
    return Atomics.load(this.#words, at(worker) + INCARNATION);
  }

  /** Main only, before it starts a thread for this index. The heartbeat begins at `nowMs`. */
  begin(worker: number, nowMs: number): void {
    this.beat(worker, nowMs);
    Atomics.add(this.#words, at(worker) + INCARNATION, 1);
    this.setWorkerState(worker, 'starting');
  }

  /** Worker: its event loop turns. */
  beat(worker: number, nowMs: number): void {
    this.#times[at(worker) / 2 + HEARTBEAT] = nowMs;
  }

  lastBeatMs(worker: number): number {
    return this.#times[at(worker) / 2 + HEARTBEAT]!;
  }
}

function at(worker: number): number {
  return LINE_WORDS * (worker + 1);
}
