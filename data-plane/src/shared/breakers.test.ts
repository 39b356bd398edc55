import { type BreakerPolicy, CLOSED, HALF_OPEN, OPEN } from '@sluice/engine';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ABORTED, Breakers, FAILURE, REFUSED, SUCCESS, type TryOutcome } from './breakers.ts';
import { createSharedRegion, OVERFLOW_SLOT } from './region.ts';

const SLOT = 5;
const RUNS = 400;
const policy: BreakerPolicy = { consecutiveFailures: 3, openForMs: 1000, halfOpenRequests: 2 };

function breakersOf(workers: number): { workers: Breakers[]; main: Breakers } {
  const region = createSharedRegion({ workers });
  return {
    workers: Array.from({ length: workers }, (_, worker) => new Breakers(region, worker)),
    main: new Breakers(region, workers),
  };
}

function open(breakers: Breakers, nowMs: number): void {
  for (let i = 0; i < policy.consecutiveFailures; i++) {
    breakers.report(SLOT, breakers.admit(SLOT, policy, nowMs), FAILURE, policy, nowMs);
  }
}

type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'admit'; readonly worker: number }
  | { readonly do: 'report'; readonly which: number; readonly outcome: TryOutcome }
  | { readonly do: 'reset' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('admit' as const), worker: fc.nat(1) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('report' as const),
      which: fc.nat(20),
      outcome: fc.constantFrom<TryOutcome>(SUCCESS, FAILURE, FAILURE, ABORTED),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 99, 100, 400, 1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reset' as const) }) },
);

/** The state machine of semantics.md, written with objects: what began in another period changes nothing. */
class Model {
  state: typeof CLOSED | typeof HALF_OPEN | typeof OPEN = CLOSED;
  period = {};
  count = 0;
  openUntilMs = 0;
  readonly probes = new Set<object>();
  /** Of this period, each with the tenth of the window that it ended in. */
  #ended: { readonly tenth: number; readonly failed: boolean }[] = [];
  readonly #policy: BreakerPolicy;
  constructor(rules: BreakerPolicy) {
    this.#policy = rules;
  }
  enter(state: typeof this.state): void {
    this.state = state;
    this.period = {};
    this.count = 0;
    this.probes.clear();
    this.#ended = [];
  }
  /** Whether the error rate opens it, once one more has ended. */
  #trips(failed: boolean, nowMs: number): boolean {
    const rate = this.#policy.errorRate;
    if (rate === undefined) return false;
    const tenth = Math.floor((nowMs * 10) / rate.windowMs);
    this.#ended.push({ tenth, failed });
    const inWindow = this.#ended.filter((each) => each.tenth > tenth - 10);
    const failures = inWindow.filter((each) => each.failed).length;
    return inWindow.length >= rate.minimumRequests && failures * 100 >= rate.percent * inWindow.length;
  }
  admit(nowMs: number): { period: object } | undefined {
    if (this.state === OPEN && nowMs >= this.openUntilMs) this.enter(HALF_OPEN);
    if (this.state === OPEN) return undefined;
    if (this.state === HALF_OPEN && this.probes.size >= this.#policy.halfOpenRequests) return undefined;
    const attempt = { period: this.period };
    if (this.state === HALF_OPEN) this.probes.add(attempt);
    return attempt;
  }
  report(attempt: { period: object }, outcome: TryOutcome, nowMs: number): void {
    if (attempt.period !== this.period) return;
    this.probes.delete(attempt);
    if (outcome === ABORTED) return;
    const { consecutiveFailures } = this.#policy;
    const trips = this.state === CLOSED && this.#trips(outcome === FAILURE, nowMs);
    if (outcome === FAILURE) {
      this.count = this.state === CLOSED && consecutiveFailures > 0 ? this.count + 1 : this.count;
      const inARow = consecutiveFailures > 0 && this.count >= consecutiveFailures;
      if (this.state === HALF_OPEN || inARow || trips) {
        this.enter(OPEN);
        this.openUntilMs = nowMs + this.#policy.openForMs;
      }
    } else if (trips) {
      this.enter(OPEN);
      this.openUntilMs = nowMs + this.#policy.openForMs;
    } else if (this.state === CLOSED) {
      this.count = 0;
    } else if (++this.count >= this.#policy.halfOpenRequests) {
      this.enter(CLOSED);
    }
  }
}

test('two workers on one breaker are the state machine, by failures in a row and by their rate: every admission, count, wait and probe', () => {
  const errorRate = fc.record({
    percent: fc.constantFrom(1, 40, 50, 100),
    windowMs: fc.constant(1000),
    minimumRequests: fc.integer({ min: 1, max: 8 }),
  });
  const both = { openForMs: fc.constantFrom(1, 1000), halfOpenRequests: fc.integer({ min: 1, max: 4 }) };
  const rules: fc.Arbitrary<BreakerPolicy> = fc.oneof(
    fc.record({ ...both, consecutiveFailures: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ ...both, consecutiveFailures: fc.integer({ min: 0, max: 4 }), errorRate }),
  );
  const { workers, main } = breakersOf(2);
  let slot = 1;
  fc.assert(
    fc.property(rules, fc.array(step, { maxLength: 150, size: 'max' }), (chosen, steps) => {
      slot++;
      const model = new Model(chosen);
      const running: { worker: number; token: number; attempt: { period: object } }[] = [];
      let nowMs = 1000;
      for (const action of steps) {
        if (action.do === 'wait') nowMs += action.ms;
        if (action.do === 'reset') {
          main.reset(slot);
          model.enter(CLOSED);
        }
        if (action.do === 'admit') {
          const token = workers[action.worker]!.admit(slot, chosen, nowMs);
          const attempt = model.admit(nowMs);
          expect(token !== REFUSED).toBe(attempt !== undefined);
          if (attempt !== undefined) running.push({ worker: action.worker, token, attempt });
        }
        if (action.do === 'report' && running.length > 0) {
          const [{ worker, token, attempt }] = running.splice(action.which % running.length, 1) as [
            (typeof running)[0],
          ];
          workers[worker]!.report(slot, token, action.outcome, chosen, nowMs);
          model.report(attempt, action.outcome, nowMs);
        }
        expect(main.view(slot, nowMs)).toEqual({
          state: model.state,
          count: model.count,
          opensInMs: model.state === OPEN ? Math.max(0, model.openUntilMs - nowMs) : 0,
          probesInFlight: model.probes.size,
        });
      }
    }),
    { numRuns: RUNS },
  );
});

test('services that found no slot have no breaker: one that fails keeps no other from being asked', () => {
  const { workers, main } = breakersOf(1);
  for (let i = 0; i < 100; i++) {
    const token = workers[0]!.admit(OVERFLOW_SLOT, policy, 100);
    expect(token).not.toBe(REFUSED);
    workers[0]!.report(OVERFLOW_SLOT, token, FAILURE, policy, 100);
  }
  expect(main.view(OVERFLOW_SLOT, 100)).toMatchObject({ state: CLOSED, count: 0, probesInFlight: 0 });
});

test('a refusal says how long it lasts', () => {
  const { workers } = breakersOf(2);
  open(workers[0]!, 100);
  expect(workers[1]!.admit(SLOT, policy, 350)).toBe(REFUSED);
  expect(workers[1]!.retryAfterMs).toBe(750);
});

test('a slow success of before does not close it, a slow failure of before does not reopen it', () => {
  const { workers } = breakersOf(1);
  const [breakers] = workers as [Breakers];
  const early = [breakers.admit(SLOT, policy, 0), breakers.admit(SLOT, policy, 0)] as const;
  open(breakers, 0);
  breakers.report(SLOT, early[0], SUCCESS, policy, 1);
  expect(breakers.view(SLOT, 1).state).toBe(OPEN);
  for (let i = 0; i < 2; i++) breakers.report(SLOT, breakers.admit(SLOT, policy, 1000), SUCCESS, policy, 1000);
  expect(breakers.view(SLOT, 1000).state).toBe(CLOSED);
  breakers.report(SLOT, early[1], FAILURE, policy, 1001);
  expect(breakers.view(SLOT, 1001)).toMatchObject({ state: CLOSED, count: 0 });
});

test('probes of an earlier half-open period take no permit of a later one', () => {
  const { workers } = breakersOf(2);
  const [one, two] = workers as [Breakers, Breakers];
  open(one, 0);
  const slow = one.admit(SLOT, policy, 1000);
  two.report(SLOT, two.admit(SLOT, policy, 1000), FAILURE, policy, 1000);
  const probes = [two.admit(SLOT, policy, 2000), two.admit(SLOT, policy, 2000)];
  expect(probes).not.toContain(REFUSED);
  one.report(SLOT, slow, SUCCESS, policy, 2000);
  expect(two.view(SLOT, 2000)).toMatchObject({ state: HALF_OPEN, count: 0, probesInFlight: 2 });
});

test('permits of a dead worker come back, and only its own', () => {
  const { workers, main } = breakersOf(2);
  const [one, two] = workers as [Breakers, Breakers];
  open(one, 0);
  one.admit(SLOT, policy, 1000);
  const alive = two.admit(SLOT, policy, 1000);
  expect(two.admit(SLOT, policy, 1000)).toBe(REFUSED);
  expect(main.permits.releaseWorker(0, 10)).toBe(1);
  expect(main.view(SLOT, 1000).probesInFlight).toBe(1);
  const next = two.admit(SLOT, policy, 1000);
  two.report(SLOT, alive, SUCCESS, policy, 1000);
  two.report(SLOT, next, SUCCESS, policy, 1000);
  expect(main.view(SLOT, 1000).state).toBe(CLOSED);
});

test('each change of state is counted once, whoever made it', () => {
  const { workers, main } = breakersOf(2);
  open(workers[0]!, 0);
  workers[1]!.report(SLOT, workers[1]!.admit(SLOT, policy, 1000), FAILURE, policy, 1000);
  main.reset(SLOT);
  main.reset(SLOT);
  expect([CLOSED, HALF_OPEN, OPEN].map((state) => main.transitionsTo(SLOT, state as 0 | 1 | 2))).toEqual([1, 1, 2]);
  expect(main.transitionsTo(SLOT + 1, OPEN)).toBe(0);
});

describe('error rate', () => {
  const rate: BreakerPolicy = {
    consecutiveFailures: 0,
    openForMs: 1000,
    halfOpenRequests: 1,
    errorRate: { percent: 50, windowMs: 10_000, minimumRequests: 20 },
  };
  const report = (breakers: Breakers, outcome: TryOutcome, nowMs: number) =>
    breakers.report(SLOT, breakers.admit(SLOT, rate, nowMs), outcome, rate, nowMs);

  test('opens on the share of all workers together, from the minimum on', () => {
    const { workers, main } = breakersOf(2);
    for (let i = 0; i < 9; i++) report(workers[0]!, SUCCESS, 100_000);
    for (let i = 0; i < 10; i++) report(workers[i % 2]!, FAILURE, 101_000);
    expect(main.view(SLOT, 101_000).state).toBe(CLOSED);
    report(workers[1]!, FAILURE, 102_000);
    expect(main.view(SLOT, 102_000).state).toBe(OPEN);
  });

  test('opens on the success that makes enough requests of them, too', () => {
    const { workers, main } = breakersOf(2);
    for (let i = 0; i < 12; i++) report(workers[i % 2]!, FAILURE, 100_000);
    for (let i = 0; i < 7; i++) report(workers[0]!, SUCCESS, 101_000);
    expect(main.view(SLOT, 101_000).state).toBe(CLOSED);
    report(workers[1]!, SUCCESS, 102_000);
    expect(main.view(SLOT, 102_000)).toMatchObject({ state: OPEN, opensInMs: 1000 });
    expect(main.transitionsTo(SLOT, OPEN)).toBe(1);
  });

  test('forgets what has left the window, and what was counted before it last opened', () => {
    const { workers, main } = breakersOf(2);
    for (let i = 0; i < 19; i++) report(workers[i % 2]!, FAILURE, 100_000);
    report(workers[0]!, FAILURE, 110_000);
    expect(main.view(SLOT, 110_000).state).toBe(CLOSED);
    for (let i = 0; i < 19; i++) report(workers[i % 2]!, FAILURE, 110_100);
    expect(main.view(SLOT, 110_100).state).toBe(OPEN);
    report(workers[0]!, SUCCESS, 111_200);
    expect(main.view(SLOT, 111_200).state).toBe(CLOSED);
    for (let i = 0; i < 19; i++) report(workers[i % 2]!, FAILURE, 111_300);
    expect(main.view(SLOT, 111_300).state).toBe(CLOSED);
    report(workers[0]!, FAILURE, 111_300);
    expect(main.view(SLOT, 111_300).state).toBe(OPEN);
  });

  test('aborted requests are not counted', () => {
    const { workers, main } = breakersOf(1);
    for (let i = 0; i < 19; i++) report(workers[0]!, FAILURE, 100_000);
    for (let i = 0; i < 50; i++) report(workers[0]!, ABORTED, 100_000);
    expect(main.view(SLOT, 100_000).state).toBe(CLOSED);
    report(workers[0]!, FAILURE, 100_000);
    expect(main.view(SLOT, 100_000).state).toBe(OPEN);
  });
});
