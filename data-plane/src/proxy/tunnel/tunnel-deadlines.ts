/** Tunnels of a listener that goes are closed spread over this share of its time; the rest is for closing. */
const LEAVE_SHARE = 0.75;

/** What may come due; in the order in which it is looked at. */
export type TunnelDeadline = 'max_duration' | 'drain' | 'idle';

/** When the gateway is to end an open tunnel. All times are of the shared clock; Infinity: never. */
export class TunnelDeadlines {
  readonly #idleMs: number;
  readonly #endByMs: number;
  #movedMs: number;
  #leaveByMs = Number.POSITIVE_INFINITY;
  #leaveAtMs = Number.POSITIVE_INFINITY;

  /** `idleMs`: how long nothing may move. `endByMs`: when it is too old. */
  constructor(idleMs: number, endByMs: number, nowMs: number) {
    this.#idleMs = idleMs;
    this.#endByMs = endByMs;
    this.#movedMs = nowMs;
  }

  /** When its connection is cut because the listener goes. */
  get leaveByMs(): number {
    return this.#leaveByMs;
  }

  /** Bytes have passed, or some of those that are held. */
  moved(nowMs: number): void {
    this.#movedMs = nowMs;
  }

  /** Its listener goes; the earliest of several times counts. `random`: in [0, 1). */
  leave(byMs: number, nowMs: number, random: number): void {
    if (byMs >= this.#leaveByMs) return;
    this.#leaveByMs = byMs;
    // Spread, so that the clients do not all come back at once.
    this.#leaveAtMs = nowMs + random * LEAVE_SHARE * Math.max(0, byMs - nowMs);
  }

  /** `stuckSinceMs`: since when a sink has taken nothing of what is held for it. */
  nextMs(stuckSinceMs: number): number {
    return Math.min(this.#idleAtMs(stuckSinceMs), this.#endByMs, this.#leaveAtMs);
  }

  due(nowMs: number, stuckSinceMs: number): TunnelDeadline | undefined {
    if (nowMs >= this.#endByMs) return 'max_duration';
    if (nowMs >= this.#leaveAtMs) return 'drain';
    return nowMs >= this.#idleAtMs(stuckSinceMs) ? 'idle' : undefined;
  }

  /** Nothing has moved for the idle time: either way, or of what is held one way. */
  stillness(nowMs: number, stuckSinceMs: number): 'idle' | 'stalled' | undefined {
    if (nowMs >= stuckSinceMs + this.#idleMs) return 'stalled';
    return nowMs >= this.#idleAtMs(stuckSinceMs) ? 'idle' : undefined;
  }

  #idleAtMs(stuckSinceMs: number): number {
    return Math.min(this.#movedMs, stuckSinceMs) + this.#idleMs;
  }
}
