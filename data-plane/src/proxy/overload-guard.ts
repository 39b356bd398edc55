import { performance } from 'node:perf_hooks';
import {
  BACKLOG,
  type LoadSample,
  MAX_HELD_MS,
  MAX_PARKED_MS,
  OverloadControl,
  type OverloadVerdict,
} from '@sluice/engine';
import {
  ACTIVE_CONNECTIONS,
  ACTIVE_REQUESTS,
  methodCode,
  NO_SLOT,
  OVERLOADED,
  type RouteRequests,
  type Shared,
} from '../shared/index.ts';
import { heapShare } from './heap-share.ts';
import { overloadedAnswer } from './overloaded-answer.ts';
import type { Turns } from './turns.ts';

/** How often a worker looks at its load. */
const SAMPLE_MS = 100;

/** What the guard may take from a worker. */
export interface GuardedWork {
  /** Clients' connections in the order in which they were accepted. */
  connections(): Iterable<GuardedConnection>;
  /** Accepted since the start. */
  readonly acceptedConnections: number;
  setBacklog(backlog: number): void;
}

export interface GuardedConnection {
  /**
   * Reads nothing until `unpark`; said again with each look. In the head or the body of a request it is left to go on, and who
   * was parked for MAX_PARKED_MS is read again to have the next request refused.
   */
  park(): void;
  /** Reads again as any other. */
  unpark(): void;
}

/**
 * Watches one worker's load and has it give up what it cannot carry, as `OverloadControl` decides. A request pays one look at
 * `active`.
 */
export class OverloadGuard {
  /** Something may be refused: ask `refuses` with each request. */
  active = false;
  /** Every answer is its connection's last. */
  noKeepAlive = false;
  readonly #shared: Shared;
  readonly #work: GuardedWork;
  readonly #turns: Turns;
  readonly #refused: RouteRequests;
  readonly #control = new OverloadControl();
  readonly #timer: NodeJS.Timeout | undefined;
  #saturated = false;
  #refusing = false;
  #backlog = BACKLOG;
  #readers = Infinity;
  #overloaded = false;
  #lastMs: number;
  #accepted = 0;
  #utilization = performance.eventLoopUtilization();
  #cpu = process.threadCpuUsage();

  /** `refused`: where requests are counted that it refuses. `ignoresLoad`: it never looks. */
  constructor(shared: Shared, work: GuardedWork, turns: Turns, refused: RouteRequests, ignoresLoad: boolean) {
    this.#shared = shared;
    this.#work = work;
    this.#turns = turns;
    this.#refused = refused;
    this.#lastMs = shared.clock.nowMs();
    this.#timer = ignoresLoad ? undefined : setInterval(() => this.#look(), SAMPLE_MS).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** The worker's own time: what a connection notes to be asked later how long something has waited. */
  get ownMs(): number {
    return this.#control.ownMs;
  }

  /** Whether a request whose head is complete is refused. `heldSinceMs`: when it was read, in own time. */
  refuses(heldSinceMs: number): boolean {
    return this.#refusing || (this.#saturated && this.ownMs - heldSinceMs > MAX_HELD_MS);
  }

  /** Whether a connection that is parked since then, in own time, has been so for too long. */
  parkedTooLong(sinceMs: number): boolean {
    return this.ownMs - sinceMs > MAX_PARKED_MS;
  }

  /** The whole answer to a request that is refused; it is counted. */
  refusal(method: string, keepAlive: boolean, dateLine: string): string {
    const { metrics } = this.#shared;
    metrics.overflow('requests');
    this.#refused.count(NO_SLOT, methodCode(method), 503);
    return overloadedAnswer(method, keepAlive, dateLine);
  }

  #look(): void {
    const verdict = this.#control.observe(this.#sample());
    this.#saturated = verdict.saturated;
    this.#refusing = verdict.refusing;
    this.#turns.checksClients = verdict.saturated;
    this.noKeepAlive = verdict.noKeepAlive;
    this.active = verdict.saturated || verdict.refusing || verdict.noKeepAlive || verdict.readers < Infinity;
    this.#setBacklog(verdict.backlog);
    this.#setReaders(verdict.readers);
    this.#show(verdict);
  }

  #sample(): LoadSample {
    const { clock, columns } = this.#shared;
    const nowMs = clock.nowMs();
    const intervalMs = Math.max(1, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    const before = this.#utilization;
    this.#utilization = performance.eventLoopUtilization();
    const cpu = process.threadCpuUsage(this.#cpu);
    this.#cpu = process.threadCpuUsage();
    const accepted = this.#work.acceptedConnections - this.#accepted;
    this.#accepted += accepted;
    return {
      intervalMs,
      delayMs: Math.max(0, intervalMs - SAMPLE_MS, this.#turns.waitMs(this.ownMs)),
      utilization: performance.eventLoopUtilization(this.#utilization, before).utilization,
      cpuShare: Math.min(1, (cpu.user + cpu.system) / 1000 / intervalMs),
      heapShare: heapShare(),
      requests: columns.process.own(ACTIVE_REQUESTS),
      connections: columns.process.own(ACTIVE_CONNECTIONS),
      accepted,
    };
  }

  /** Not for each little change: it is a system call a listener. */
  #setBacklog(backlog: number): void {
    if (backlog !== BACKLOG && Math.abs(backlog - this.#backlog) < this.#backlog / 4) return;
    if (backlog === this.#backlog) return;
    this.#backlog = backlog;
    this.#work.setBacklog(backlog);
  }

  #setReaders(readers: number): void {
    const before = this.#readers;
    this.#readers = readers;
    if (readers === Infinity && before === Infinity) return;
    let place = 0;
    for (const connection of this.#work.connections()) {
      if (place++ < readers) connection.unpark();
      else connection.park();
    }
  }

  /** The node's health and metrics tell. */
  #show({ readers, noKeepAlive, refusing }: OverloadVerdict): void {
    const overloaded = refusing || noKeepAlive || readers < Infinity;
    if (overloaded === this.#overloaded) return;
    this.#overloaded = overloaded;
    this.#shared.columns.process.add(OVERLOADED, overloaded ? 1 : -1);
  }
}
