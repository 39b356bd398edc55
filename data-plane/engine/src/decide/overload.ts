/** What one worker knows of its load since the sample before. */
export interface LoadSample {
  /** Time since the sample before. */
  readonly intervalMs: number;
  /** How long the event loop took to come round, beyond the time between samples: what has arrived meanwhile has waited as long. */
  readonly delayMs: number;
  /** Share of the time in which the event loop had something to do, 0..1. */
  readonly utilization: number;
  /** Share of one core that the worker had, 0..1: far below `utilization` where others take the core from it. */
  readonly cpuShare: number;
  /** Share of the heap that is in use, 0..1. */
  readonly heapShare: number;
  /** Requests being answered. */
  readonly requests: number;
  /** Connections of clients. */
  readonly connections: number;
  /** Connections accepted since the sample before. */
  readonly accepted: number;
}

/** What is given up, in this order of cost to clients. */
export interface OverloadVerdict {
  /** Busy without a pause: requests that waited behind others for longer than MAX_HELD_MS are refused. */
  readonly saturated: boolean;
  /** The kernel keeps at most so many connections that wait to be accepted. */
  readonly backlog: number;
  /** So many connections, the oldest, are read; Infinity: all. What the others send waits in the kernel. */
  readonly readers: number;
  /** Every answer is its connection's last. */
  readonly noKeepAlive: boolean;
  /** New requests are refused. */
  readonly refusing: boolean;
}

/** Most connections that wait to be accepted while there is no overload: a burst finds room. */
export const BACKLOG = 4096;
/** How long a request that was read may wait behind others while the worker is saturated; in the worker's own time. */
export const MAX_HELD_MS = 300;
/** How long a connection may be left unread; in the worker's own time. */
export const MAX_PARKED_MS = 1000;
/** Heap shares as Envoy's: from here no keep-alive, from here no new requests; each until SHARE_BACK below. */
export const NO_KEEP_ALIVE_SHARE = 0.92;
export const REFUSE_SHARE = 0.95;
const SHARE_BACK = 0.03;
/** Requests in flight in one worker, from which on new ones are refused; until a tenth below. */
export const MAX_REQUESTS = 16_384;

/** One sample moves the worker's own time on by this at most. */
const MAX_STEP_MS = 150;
/** A loop that is slower than this, and stays so, makes requests late: with one turn to read and one to answer. */
const TARGET_DELAY_MS = 250;
/** How long a signal must stand before anything is given up: longer than pauses for garbage or to activate a large change. */
const STANDING_MS = 750;
const SATURATED = 0.97;
/** A loop that is late and had less of a core was kept waiting by other processes. Reading less would not make it faster. */
const OWN_DOING = 0.5;
/** What may wait to be accepted while saturated: as much as is accepted in this time. */
const ACCEPT_WAIT_MS = 250;
const MIN_BACKLOG = 128;
const MIN_READERS = 64;
/** Growth of readers with each sample that has no delay: from the least to 20,000 in a second and a half. */
const READERS_GROWTH = 1.5;

/**
 * Decides what a worker gives up under more load than it can carry, so that what it does serve is served in time (RFC 8289: not a
 * long queue is the overload but one that stands). Signals must stand for STANDING_MS; all is taken back as soon as they end.
 */
export class OverloadControl {
  /**
   * The worker's own time, by which it is judged how long anything stands or waits: a pause of the machine, of which the worker
   * knows only that it is over, counts as MAX_STEP_MS however long it was.
   */
  ownMs = 0;
  #saturatedSinceMs = Number.POSITIVE_INFINITY;
  #delayedSinceMs = Number.POSITIVE_INFINITY;
  #heapSinceMs = Number.POSITIVE_INFINITY;
  #acceptRate = 0;
  #readers = Number.POSITIVE_INFINITY;
  #noKeepAlive = false;
  #heapRefuses = false;
  #requestsRefuse = false;

  observe(sample: LoadSample): OverloadVerdict {
    const { intervalMs, delayMs, utilization, cpuShare } = sample;
    this.ownMs += Math.min(intervalMs, MAX_STEP_MS);
    this.#saturatedSinceMs = this.#since(this.#saturatedSinceMs, utilization >= SATURATED);
    this.#delayedSinceMs = this.#since(this.#delayedSinceMs, delayMs > TARGET_DELAY_MS && cpuShare >= OWN_DOING);
    const saturated = this.#stands(this.#saturatedSinceMs);
    this.#setReaders(sample, this.#stands(this.#delayedSinceMs));
    this.#judgeHeap(sample);
    this.#requestsRefuse = sample.requests >= (this.#requestsRefuse ? 0.9 * MAX_REQUESTS : MAX_REQUESTS);
    return {
      saturated,
      backlog: this.#backlog(saturated, sample.accepted / Math.max(1, intervalMs)),
      readers: this.#readers,
      noKeepAlive: this.#noKeepAlive,
      refusing: this.#heapRefuses || this.#requestsRefuse,
    };
  }

  /** The rate counts only while saturated: otherwise nothing waits. */
  #backlog(saturated: boolean, rate: number): number {
    if (!saturated) {
      this.#acceptRate = rate;
      return BACKLOG;
    }
    this.#acceptRate += (rate - this.#acceptRate) / 4;
    return Math.min(BACKLOG, Math.max(MIN_BACKLOG, Math.ceil(this.#acceptRate * ACCEPT_WAIT_MS)));
  }

  #setReaders({ delayMs, cpuShare, connections }: LoadSample, delayed: boolean): void {
    if (delayed) {
      const readers = Math.min(this.#readers, connections);
      this.#readers = Math.max(MIN_READERS, Math.floor((readers * TARGET_DELAY_MS) / (2 * delayMs)));
    } else if (this.#readers < Number.POSITIVE_INFINITY && (delayMs < TARGET_DELAY_MS / 2 || cpuShare < OWN_DOING)) {
      this.#readers = Math.ceil(this.#readers * READERS_GROWTH);
      if (this.#readers >= connections) this.#readers = Number.POSITIVE_INFINITY;
    }
  }

  #judgeHeap({ heapShare }: LoadSample): void {
    this.#heapSinceMs = this.#since(this.#heapSinceMs, heapShare >= NO_KEEP_ALIVE_SHARE);
    const stands = this.#stands(this.#heapSinceMs);
    if (heapShare < NO_KEEP_ALIVE_SHARE - SHARE_BACK) this.#noKeepAlive = false;
    else if (stands) this.#noKeepAlive = true;
    if (heapShare < REFUSE_SHARE - SHARE_BACK) this.#heapRefuses = false;
    else if (stands && heapShare >= REFUSE_SHARE) this.#heapRefuses = true;
  }

  /** In which sample something held that has held in each one since; Infinity while it does not. One long pause is one sample. */
  #since(beforeMs: number, holds: boolean): number {
    return holds ? Math.min(beforeMs, this.ownMs) : Number.POSITIVE_INFINITY;
  }

  #stands(sinceMs: number): boolean {
    return this.ownMs - sinceMs >= STANDING_MS;
  }
}
