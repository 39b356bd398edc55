import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BACKLOG,
  type LoadSample,
  MAX_REQUESTS,
  NO_KEEP_ALIVE_SHARE,
  OverloadControl,
  type OverloadVerdict,
  REFUSE_SHARE,
} from './overload.ts';

const EVERY_MS = 100;
const calm: LoadSample = {
  intervalMs: EVERY_MS,
  delayMs: 0,
  utilization: 0.5,
  cpuShare: 0.5,
  heapShare: 0.3,
  requests: 10,
  connections: 1000,
  accepted: 10,
};
const nothing: OverloadVerdict = {
  saturated: false,
  backlog: BACKLOG,
  readers: Infinity,
  noKeepAlive: false,
  refusing: false,
};

/** Verdicts on samples 100 ms apart. */
function watch(): (changes?: Partial<LoadSample>, times?: number) => OverloadVerdict {
  const control = new OverloadControl();
  return (changes = {}, times = 1) => {
    let verdict = nothing;
    for (let n = 0; n < times; n++) verdict = control.observe({ ...calm, ...changes });
    return verdict;
  };
}

describe('nothing is given up', () => {
  test('without load, and for any signal that does not stand', () => {
    const signals = fc.record({
      delayMs: fc.integer({ min: 0, max: 5000 }),
      utilization: fc.double({ min: 0, max: 1, noNaN: true }),
      cpuShare: fc.double({ min: 0, max: 1, noNaN: true }),
      heapShare: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(signals, { maxLength: 200 }), (samples) => {
        const observe = watch();
        // A loop that is calm in every seventh look has no queue that stands.
        samples.forEach((sample, index) => {
          expect(observe(index % 7 === 0 ? {} : sample)).toEqual(nothing);
        });
      }),
    );
  });

  test('for one pause however long, such as for garbage or a large change, nor for four one after the other', () => {
    const observe = watch();
    const pause = { intervalMs: 6000, delayMs: 5900, utilization: 1, cpuShare: 1, heapShare: 0.97 };
    expect(observe(pause, 5)).toEqual(nothing);
    expect(observe({ delayMs: 0, utilization: 1 })).toEqual(nothing);
  });

  test('because other processes take the core: a loop that is late for that reads on', () => {
    const observe = watch();
    expect(observe({ intervalMs: 1000, delayMs: 900, cpuShare: 0.49 }, 50)).toEqual(nothing);
    expect(observe({ intervalMs: 1000, delayMs: 900, cpuShare: 0.5 }, 50).readers).toBeLessThan(Infinity);
    expect(observe({ intervalMs: 1000, delayMs: 900, cpuShare: 0.49 }, 8)).toEqual(nothing);
  });
});

test('its own time stands still in a pause of the machine', () => {
  const control = new OverloadControl();
  const own = [100, 149, 150, 151, 5000].map((intervalMs) => {
    const before = control.ownMs;
    control.observe({ ...calm, intervalMs });
    return control.ownMs - before;
  });
  expect(own).toEqual([100, 149, 150, 150, 150]);
});

describe('a worker that is busy without a pause', () => {
  test('lets as many wait to be accepted as it accepts in a quarter of a second, within bounds', () => {
    const observe = watch();
    observe({ utilization: 1, accepted: 500 }, 7);
    expect(observe({ utilization: 1, accepted: 500 }).saturated).toBe(false);
    expect(observe({ utilization: 1, accepted: 500 }, 30)).toEqual({ ...nothing, saturated: true, backlog: 1250 });
    expect(observe({ utilization: 1, accepted: 0 }, 30).backlog).toBe(128);
    expect(observe({ utilization: 1, accepted: 100_000 }, 30).backlog).toBe(BACKLOG);
    expect(observe()).toEqual(nothing);
  });
});

describe('a loop that is late', () => {
  test('reads fewer connections the later it is, never less than 64, and all again soon after', () => {
    const observe = watch();
    observe({ delayMs: 500 }, 7);
    expect(observe({ delayMs: 500 })).toEqual(nothing);
    expect(observe({ delayMs: 500 }).readers).toBe(250);
    expect(observe({ delayMs: 500 }).readers).toBe(64);
    expect(observe({ delayMs: 5000 }, 20).readers).toBe(64);
    // Neither late nor early: as it is.
    expect(observe({ delayMs: 200 }, 20).readers).toBe(64);
    expect(observe({ delayMs: 10 }).readers).toBe(96);
    expect(observe({ delayMs: 10, connections: 20_000 }, 19)).toEqual(nothing);
  });

  test('finds the number of readers that it serves in time, whatever its speed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 100_000 }),
        fc.integer({ min: 100, max: 50_000 }),
        (perSecond, connections) => {
          const observe = watch();
          let readers = Infinity;
          const delays: number[] = [];
          for (let look = 0; look < 400; look++) {
            // Every reader has a request in each turn of the loop.
            const delayMs = (1000 * Math.min(readers, connections)) / perSecond;
            readers = observe({ delayMs, connections, utilization: 1 }).readers;
            if (look >= 100) delays.push(delayMs);
          }
          const leastMs = (1000 * 64) / perSecond;
          const inTime = delays.filter((delayMs) => delayMs <= Math.max(300, leastMs)).length;
          expect(inTime / delays.length).toBeGreaterThan(0.7);
        },
      ),
    );
  });
});

describe('a heap that is nearly full', () => {
  test.each([
    [NO_KEEP_ALIVE_SHARE - 0.001, false, false],
    [NO_KEEP_ALIVE_SHARE, true, false],
    [REFUSE_SHARE - 0.001, true, false],
    [REFUSE_SHARE, true, true],
  ])('at %d: no keep-alive %s, no new requests %s', (heapShare, noKeepAlive, refusing) => {
    const observe = watch();
    expect(observe({ heapShare }, 8)).toEqual(nothing);
    expect(observe({ heapShare })).toEqual({ ...nothing, noKeepAlive, refusing });
  });

  test('is done with a little below, each', () => {
    const observe = watch();
    observe({ heapShare: 0.96 }, 10);
    expect(observe({ heapShare: 0.925 })).toEqual({ ...nothing, noKeepAlive: true, refusing: true });
    expect(observe({ heapShare: 0.91 })).toEqual({ ...nothing, noKeepAlive: true });
    expect(observe({ heapShare: 0.88 })).toEqual(nothing);
  });
});

test('requests in flight: one less than the most is none too many, the most is, until a tenth are answered', () => {
  const observe = watch();
  expect(observe({ requests: MAX_REQUESTS - 1 }).refusing).toBe(false);
  expect(observe({ requests: MAX_REQUESTS }).refusing).toBe(true);
  expect(observe({ requests: 0.9 * MAX_REQUESTS }).refusing).toBe(true);
  expect(observe({ requests: 0.9 * MAX_REQUESTS - 1 }).refusing).toBe(false);
});
