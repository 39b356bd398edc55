import { performance } from 'node:perf_hooks';

/** A look at the clock that other work on the machine made late is late by what this process lost. */
const lookMs = 5;
/** Timers count whole milliseconds: so much late is on time. */
const graceMs = 2;

export type LostTime = Disposable & {
  /** Milliseconds that this process was kept waiting for since the start, a share of what the processes it tests were. */
  readonly lostMs: () => number;
  /** Milliseconds since the start. */
  readonly elapsedMs: () => number;
  /**
   * `ms`, and what a machine adds that does other things too: a few times what this process lost, since one request goes through
   * several processes that each wait for a core. On a quiet machine hardly more than `ms`.
   */
  readonly allow: (ms: number) => number;
};

/** Starts a clock that knows how much of the time it measures was taken by others. */
export function watchLostTime(): LostTime {
  const startedAt = performance.now();
  let dueAt = startedAt + lookMs;
  let lost = 0;
  const look = () => {
    const now = performance.now();
    lost += Math.max(0, now - dueAt - graceMs);
    dueAt = now + lookMs;
  };
  const timer = setInterval(look, lookMs);
  const self: LostTime = {
    lostMs() {
      // A wait that is not over counts too.
      return lost + Math.max(0, performance.now() - dueAt - graceMs);
    },
    elapsedMs: () => performance.now() - startedAt,
    allow: (ms) => ms + processes * self.lostMs(),
    [Symbol.dispose]: () => clearInterval(timer),
  };
  return self;
}

const processes = 4;
