import { isMainThread, workerData } from 'node:worker_threads';
import { type BreakerPolicy, gcraPlan, windowPlan } from '@sluice/engine';
import { attachShared, type Shared } from '../attach.ts';
import { ABORTED, FAILURE, REFUSED, SUCCESS } from '../breakers.ts';
import { CellKey } from '../cell-key.ts';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS } from '../columns.ts';
import type { SharedRegion } from '../region.ts';

/** Words of `HammerStart.signals`. */
export const READY = 0;
export const GO = 1;
export const STOP = 2;
export const ADMITTED = 3;
export const PROBED = 4;
const NEVER = 5;
const INSIDE = 6;
export const MOST_INSIDE = 7;
export const ENTERED = 8;
const NEWEST_ROUND = 9;
const ROUNDS_SEEN = 10;
const FIRST_ROUND = 11;
export const IN_OVERFLOW = 12;
export const SIGNALS = 16;

export type HammerTask =
  /** Charges one key, all threads the same. ADMITTED counts. */
  | { readonly name: 'oneKey'; readonly charges: number }
  /**
   * Every `roundUs` new keys, each charged once by each thread that has the time; `admitted[key]` and `spoiled[key]` (a thread was held up)
   * tell, IN_OVERFLOW counts what overflow cells admitted. Ends when
   * `rounds` were seen by some thread, or after ROUND_SPAN times as long as that takes if the threads always run.
   */
  | {
      readonly name: 'rounds';
      readonly roundUs: number;
      readonly rounds: number;
      readonly buckets: number;
      readonly intervalMs: number;
      readonly burstKeys: number;
    }
  /** Charges many keys in turn until each was charged `times`; `admitted[key]` counts, `spoiled[key]` those booked in overflow. */
  | { readonly name: 'flood'; readonly keys: number; readonly times: number; readonly burst: number }
  /** Charges the windows of many keys, all threads the same; `admitted[key x span + sub-window]` counts, as far as the span goes. */
  | {
      readonly name: 'windows';
      readonly charges: number;
      readonly keys: number;
      readonly requests: number;
      readonly perMs: number;
      readonly span: number;
    }
  /** Begins and ends tries on breaker, gauges and pending of slot TROUBLED, until STOP. */
  | { readonly name: 'trouble' }
  /** Fails each of `endpoints` endpoints of a service so that three of seven may be ejected, in another service each round. */
  | { readonly name: 'ejections'; readonly rounds: number; readonly endpoints: number }
  /** Opens and closes connections of one client. ENTERED counts those it got, MOST_INSIDE is the most that were open at once. */
  | { readonly name: 'connections'; readonly rounds: number; readonly limit: number };

export interface HammerStart {
  readonly region: SharedRegion;
  readonly worker: number;
  readonly signals: SharedArrayBuffer;
  readonly admitted: SharedArrayBuffer;
  readonly spoiled: SharedArrayBuffer;
  readonly task: HammerTask;
}

/** Keys of a task with rounds, for each of its `rounds` and `burstKeys`. */
export const ROUND_SPAN = 50;

export const TROUBLED = 2;
export const troubledPolicy: BreakerPolicy = { consecutiveFailures: 2, openForMs: 1, halfOpenRequests: 4 };

/** The key of a number: `buckets` neighbours of the limiter's table share all keys. */
export function numberedKey(key: CellKey, number: number, buckets: number): void {
  const mixed = Math.imul(number + 1, 0x9e3779b1);
  key.lo = (number % buckets) | (mixed & ~0xffff);
  key.hi = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b);
}

if (!isMainThread && isStart(workerData)) run(workerData);

function isStart(data: unknown): data is HammerStart {
  return typeof data === 'object' && data !== null && 'task' in data;
}

function run({ region, worker, signals, admitted, spoiled, task }: HammerStart): void {
  const signal = new Int32Array(signals);
  const shared = attachShared(region, worker);
  Atomics.add(signal, READY, 1);
  Atomics.notify(signal, READY);
  Atomics.wait(signal, GO, 0);
  const counts = [new Int32Array(admitted), new Int32Array(spoiled)] as const;
  switch (task.name) {
    case 'oneKey':
      chargeOneKey(shared, task, signal);
      break;
    case 'rounds':
      chargeRounds(shared, task, signal, ...counts);
      break;
    case 'flood':
      flood(shared, task, ...counts);
      break;
    case 'windows':
      chargeWindows(shared, task, counts[0]);
      break;
    case 'trouble':
      makeTrouble(shared, signal);
      break;
    case 'ejections':
      eject(shared, task);
      break;
    case 'connections':
      comeAndGo(shared, task, signal);
      break;
    default:
      task satisfies never;
  }
}

type Task<Name> = Extract<HammerTask, { name: Name }>;

function chargeOneKey({ limiter, clock }: Shared, { charges }: Task<'oneKey'>, signal: Int32Array): void {
  const plan = gcraPlan(1, 86_400_000, 1000);
  const key = new CellKey();
  numberedKey(key, 1, 1);
  for (let i = 0; i < charges; i++) if (limiter.charge(key, 2, plan, clock.nowUs())) Atomics.add(signal, ADMITTED, 1);
}

function chargeRounds(
  { limiter, clock }: Shared,
  { roundUs, rounds, buckets, intervalMs, burstKeys }: Task<'rounds'>,
  signal: Int32Array,
  admitted: Int32Array,
  spoiled: Int32Array,
): void {
  const plan = gcraPlan(1, intervalMs, 1);
  const key = new CellKey();
  Atomics.compareExchange(signal, FIRST_ROUND, 0, Math.floor(clock.nowUs() / roundUs));
  const firstRound = Atomics.load(signal, FIRST_ROUND);
  for (let done = -1; Atomics.load(signal, ROUNDS_SEEN) < rounds; ) {
    const nowUs = clock.nowUs();
    const round = Math.floor(nowUs / roundUs) - firstRound;
    if (round >= rounds * ROUND_SPAN) return;
    if (round === done) continue;
    done = round;
    const newest = Atomics.load(signal, NEWEST_ROUND);
    if (round > newest && Atomics.compareExchange(signal, NEWEST_ROUND, newest, round) === newest) {
      Atomics.add(signal, ROUNDS_SEEN, 1);
    }
    for (let i = 0; i < burstKeys; i++) {
      const number = round * burstKeys + i;
      numberedKey(key, number, buckets);
      if (limiter.charge(key, 2, plan, nowUs)) {
        Atomics.add(admitted, number, 1);
        if (limiter.cell < 0) Atomics.add(signal, IN_OVERFLOW, 1);
      }
      // A thread that was held up for long may come when the cell has rightly been forgotten.
      if (clock.nowUs() - nowUs > (intervalMs * 1000) / 2) Atomics.store(spoiled, number, 1);
    }
  }
}

function flood(
  { limiter, clock }: Shared,
  { keys, times, burst }: Task<'flood'>,
  admitted: Int32Array,
  spoiled: Int32Array,
): void {
  const plan = gcraPlan(1, 86_400_000, burst);
  const key = new CellKey();
  for (let turn = 0; turn < times; turn++) {
    for (let number = 0; number < keys; number++) {
      numberedKey(key, number, 256);
      if (!limiter.charge(key, 2, plan, clock.nowUs())) continue;
      Atomics.add(admitted, number, 1);
      if (limiter.cell < 0) Atomics.add(spoiled, number, 1);
    }
  }
}

function chargeWindows(
  { slidingWindows, clock }: Shared,
  { charges, keys, requests, perMs, span }: Task<'windows'>,
  admitted: Int32Array,
): void {
  const plan = windowPlan(requests, perMs);
  const key = new CellKey();
  for (let i = 0; i < charges; i++) {
    const number = i % keys;
    numberedKey(key, number, 2);
    // Now and then a charge is given back, and looks at a clock that stands behind.
    const nowUs = clock.nowUs() - (i % 7 === 0 ? plan.subUs : 0);
    if (!slidingWindows.charge(key, 2, plan, nowUs)) continue;
    const { bookedIn, cell } = slidingWindows;
    if (bookedIn < span) Atomics.add(admitted, number * span + bookedIn, 1);
    if (i % 5 !== 0 || !slidingWindows.refund(key, 2, plan, cell, nowUs)) continue;
    if (bookedIn < span) Atomics.sub(admitted, number * span + bookedIn, 1);
  }
}

function eject({ outliers, writer }: Shared, { rounds, endpoints }: Task<'ejections'>): void {
  const policy = { consecutiveFailures: 1, baseEjectionMs: 3_600_000, maxEjectedPercent: 50 };
  for (let round = 0; round < rounds; round++) {
    const slots = Array.from({ length: endpoints }, (_, i) => 2 + round * endpoints + i);
    for (let turn = 0; turn < 2 * endpoints; turn++) {
      outliers.failed(slots[(turn + 2 * writer) % endpoints] as number, slots, policy, 1, 1);
    }
  }
}

function comeAndGo({ clientConnections }: Shared, { rounds, limit }: Task<'connections'>, signal: Int32Array): void {
  const open: number[] = [];
  const close = () => {
    Atomics.sub(signal, INSIDE, 1);
    clientConnections.giveBack(open.pop() as number);
  };
  for (let round = 0; round < rounds; round++) {
    const cell = clientConnections.take(1, 2, limit);
    if (cell >= 0) {
      open.push(cell);
      const inside = Atomics.add(signal, INSIDE, 1) + 1;
      if (inside > Atomics.load(signal, MOST_INSIDE)) Atomics.store(signal, MOST_INSIDE, inside);
      Atomics.add(signal, ENTERED, 1);
    }
    if (open.length > (round & 1)) close();
  }
  while (open.length > 0) close();
}

function makeTrouble({ breakers, columns, limiter, clock }: Shared, signal: Int32Array): void {
  const running: number[] = [];
  const key = new CellKey();
  const plan = gcraPlan(1, 1, 1);
  const finish = () => {
    const outcome = Math.random();
    const token = running.splice(Math.floor(Math.random() * running.length), 1)[0] as number;
    const result = outcome < 0.2 ? FAILURE : outcome < 0.3 ? ABORTED : SUCCESS;
    breakers.report(TROUBLED, token, result, troubledPolicy, clock.nowMs());
    columns.inFlight.add(TROUBLED, -1);
    columns.process.add(ACTIVE_REQUESTS, -1);
    columns.pending.add(TROUBLED, -1);
  };
  columns.process.add(ACTIVE_CONNECTIONS, 1);
  columns.connections.add(TROUBLED, 1);
  for (let turn = 0; Atomics.load(signal, STOP) === 0; turn++) {
    // Leaves the cores to threads that start.
    if (turn % 2000 === 0) Atomics.wait(signal, NEVER, 0, 2);
    numberedKey(key, turn % 40, 4);
    limiter.charge(key, 2, plan, clock.nowUs());
    const token = running.length < 25 ? breakers.admit(TROUBLED, troubledPolicy, clock.nowMs()) : REFUSED;
    if (token !== REFUSED) {
      if ((token & 63) !== 0) Atomics.add(signal, PROBED, 1);
      columns.inFlight.add(TROUBLED, 1);
      columns.process.add(ACTIVE_REQUESTS, 1);
      columns.pending.add(TROUBLED, 1);
      running.push(token);
    }
    if (running.length > 0 && Math.random() < (token === REFUSED ? 0.02 : 0.4)) finish();
  }
  while (running.length > 0) finish();
  columns.process.add(ACTIVE_CONNECTIONS, -1);
  columns.connections.add(TROUBLED, -1);
}
