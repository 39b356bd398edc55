import { columnBytes, PROCESS_COLUMN, type SharedRegion } from './region.ts';

/** How often two threads may get in each other's way. */
const MOST_ATTEMPTS = 8;

/**
 * A gauge per slot: one column a writer, each written by its writer alone with plain stores. The node's figure is the sum.
 */
export class GaugeColumns {
  readonly #columns: readonly Int32Array<SharedArrayBuffer>[];
  readonly #own: Int32Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer, writers: number, writer: number, slots: number) {
    const stride = columnBytes(slots * 4);
    this.#columns = Array.from({ length: writers }, (_, column) => new Int32Array(buffer, column * stride, slots));
    this.#own = this.#columns[writer]!;
  }

  add(slot: number, change: 1 | -1): void {
    this.#own[slot]! += change;
  }

  /**
   * Adds one unless the node then has more than `most`: exact, whoever adds at the same moment. Who reaches for the last one together
   * with another may be refused it too, but only where that happens several times in a row.
   */
  tryAdd(slot: number, most: number): boolean {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      // Shown before the others are looked at: of two that do this at once, one at least sees the other.
      Atomics.add(this.#own, slot, 1);
      if (this.#sum(slot) <= most) return true;
      Atomics.sub(this.#own, slot, 1);
      if (this.#sum(slot) >= most) return false;
    }
    return false;
  }

  /** One writer's. */
  of(writer: number, slot: number): number {
    return this.#columns[writer]![slot]!;
  }

  /** This writer's own. */
  own(slot: number): number {
    return this.#own[slot]!;
  }

  /** All writers together. */
  total(slot: number): number {
    let total = 0;
    for (let column = 0; column < this.#columns.length; column++) total += this.#columns[column]![slot]!;
    return total;
  }

  #sum(slot: number): number {
    let total = 0;
    for (const column of this.#columns) total += Atomics.load(column, slot);
    return total;
  }

  /** Main only: a worker has ended, what it counted in the slots below `slots` is over. */
  releaseWorker(worker: number, slots: number): void {
    this.#columns[worker]!.fill(0, 0, slots);
  }
}

/** What each worker has open: zeroed by the main thread when the worker ends. */
export interface Columns {
  /** Requests on their way at an endpoint. By endpoint slot. */
  readonly inFlight: GaugeColumns;
  /** Connections to an endpoint, connecting ones included. By endpoint slot. */
  readonly connections: GaugeColumns;
  /** Requests that wait for a connection. By service slot. */
  readonly pending: GaugeColumns;
  /** The same by endpoint slot. */
  readonly waiting: GaugeColumns;
  /** Requests of services that bound them, from their first try to the end of the answer. By service slot. */
  readonly requests: GaugeColumns;
  /** Gauges of the worker as a whole. By ACTIVE_CONNECTIONS, ACTIVE_REQUESTS, ACTIVE_TUNNELS, OVERLOADED. */
  readonly process: GaugeColumns;
}

/** Connections from clients. */
export const ACTIVE_CONNECTIONS = 0;
/** Requests of clients, from their head to the end of the answer. */
export const ACTIVE_REQUESTS = 1;
/** WebSockets, from the upstream's consent to the end of both connections. */
export const ACTIVE_TUNNELS = 2;
/** 1 while the worker gives something up because of its load. */
export const OVERLOADED = 3;
/** What a worker that ended no longer has. Behind them come counters, which go on. */
const PROCESS_GAUGES = 4;
/** Counter: requests that met the end of their idle connection on the way. */
export const KEEP_ALIVE_RACES = 4;

/** Main only: gives back what a worker that ended had open. */
export function releaseColumns(columns: Columns, worker: number, endpoints: number, services: number): void {
  columns.inFlight.releaseWorker(worker, endpoints);
  columns.connections.releaseWorker(worker, endpoints);
  columns.pending.releaseWorker(worker, services);
  columns.waiting.releaseWorker(worker, endpoints);
  columns.requests.releaseWorker(worker, services);
  columns.process.releaseWorker(worker, PROCESS_GAUGES);
}

export function attachColumns(region: SharedRegion, writer: number): Columns {
  const { writers } = region;
  const { endpoints, services } = region.slots;
  const { columns } = region;
  return {
    inFlight: new GaugeColumns(columns.inFlight, writers, writer, endpoints),
    connections: new GaugeColumns(columns.connections, writers, writer, endpoints),
    pending: new GaugeColumns(columns.pending, writers, writer, services),
    waiting: new GaugeColumns(columns.waiting, writers, writer, endpoints),
    requests: new GaugeColumns(columns.requests, writers, writer, services),
    process: new GaugeColumns(columns.process, writers, writer, PROCESS_COLUMN),
  };
}
