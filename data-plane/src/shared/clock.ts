/** The one clock of the process: monotonic time since `originNs`, alike in every thread. */
export interface Clock {
  /** Microseconds since the origin. About 50 ns a call: read it once per request. */
  nowUs(): number;
  /** Milliseconds since the origin. */
  nowMs(): number;
}

/** `originNs` is a reading of `process.hrtime.bigint()`, taken once by the main thread. */
export function sharedClock(originNs: bigint): Clock {
  const originSeconds = Number(originNs / 1_000_000_000n);
  const originRestNs = Number(originNs % 1_000_000_000n);
  const nowUs = () => {
    const now = process.hrtime();
    return (now[0] - originSeconds) * 1e6 + (now[1] - originRestNs) / 1e3;
  };
  return { nowUs, nowMs: () => nowUs() / 1e3 };
}
