/** A connection that may be waiting for its next request. */
interface MayBeIdle {
  readonly idle: boolean;
  closeIfIdle(): void;
}

const SWEEP_MS = 100;
/** However long requests may still take, idle connections are not waited for longer. */
const MAX_IDLE_MS = 15_000;
/** A connection that becomes idle at the end of that time is given this much for the next request. */
const LAST_IDLE_MS = 1000;

/**
 * How a listener that leaves ends the connections on which nothing happens. Their clients cannot be told; each may be about to
 * send. So they are waited for, that the next answer tells them: for a quarter of the time for all, then they are ended one after
 * the other, evenly over the next quarter, so that no herd comes back at once.
 */
export class IdleLeave {
  readonly #connections: ReadonlySet<MayBeIdle>;
  readonly #patienceMs: number;
  readonly #spreadMs: number;
  readonly #untilMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(connections: ReadonlySet<MayBeIdle>, deadlineMs: number, nowMs: number) {
    this.#connections = connections;
    const idleMs = Math.min(deadlineMs / 2, MAX_IDLE_MS);
    this.#patienceMs = idleMs / 2;
    this.#spreadMs = idleMs / 2;
    this.#untilMs = nowMs + idleMs;
  }

  start(): void {
    this.#timer = setTimeout(() => this.#sweep(Math.max(1, Math.ceil(this.#spreadMs / SWEEP_MS))), this.#patienceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Until when a connection may wait that has just become idle. */
  keepAliveUntilMs(nowMs: number): number {
    return Math.max(this.#untilMs, nowMs + LAST_IDLE_MS);
  }

  #sweep(sweepsLeft: number): void {
    const idle = [...this.#connections].filter((connection) => connection.idle);
    const due = idle.slice(0, Math.ceil(idle.length / sweepsLeft));
    if (sweepsLeft > 1) this.#timer = setTimeout(() => this.#sweep(sweepsLeft - 1), SWEEP_MS);
    // Behind the reading of this turn: what has already come is a request, and its connection not idle.
    setImmediate(() => {
      for (const connection of due) connection.closeIfIdle();
    });
  }
}
