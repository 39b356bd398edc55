import type { SharedRegion } from './region.ts';

/** Clients that one worker can have connections of, in buckets of `BUCKET`; as large as a process has file descriptors. */
const CELLS = 65_536;
const BUCKET = 16;
/** Int32s of a cell: the key's two words, its connections, and one unused. */
const CELL_WORDS = 4;
const COUNT = 2;
/** Counts all connections of a worker that found no cell. */
const OVERFLOW = CELLS;
const COLUMN_WORDS = (CELLS + 1) * CELL_WORDS;
/** How often a connection is tried again that met another one on its way in. */
const MAX_ATTEMPTS = 8;

export const CLIENT_CONNECTIONS_BYTES = COLUMN_WORDS * 4;

/** The client has as many as it may. */
export const CLIENT_FULL = -1;

/**
 * Connections of each client, for all workers together. Each worker counts its own in a table of its own, which the main thread
 * empties when the worker ends; a client's figure is the sum of its cells in all tables. A cell never moves while it counts
 * anything, so a reader that looks through a key's bucket misses none.
 *
 * A connection is counted first and then judged by the sum: of two that come at once in different workers at least one sees the
 * other, so a client never has more than its limit.
 */
export class ClientConnections {
  readonly #columns: readonly Int32Array<SharedArrayBuffer>[];
  readonly #own: Int32Array<SharedArrayBuffer>;
  readonly #onOverflow: () => void;

  /** `onOverflow` is told of each connection that found no cell. */
  constructor(region: SharedRegion, writer: number, onOverflow: () => void) {
    this.#columns = Array.from(
      { length: region.writers },
      (_, column) => new Int32Array(region.clientConnections, column * CLIENT_CONNECTIONS_BYTES, COLUMN_WORDS),
    );
    this.#own = this.#columns[writer]!;
    this.#onOverflow = onOverflow;
  }

  /** Counts one more connection of a client that may have `limit`. Gives its cell, to be given back; or CLIENT_FULL. */
  take(lo: number, hi: number, limit: number): number {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const cell = this.#add(lo, hi);
      const total = cell === OVERFLOW ? this.#overflowTotal() : this.total(lo, hi);
      if (total <= limit) {
        if (cell === OVERFLOW) this.#onOverflow();
        return cell;
      }
      this.giveBack(cell);
      if (cell === OVERFLOW || this.total(lo, hi) >= limit) return CLIENT_FULL;
    }
    return CLIENT_FULL;
  }

  giveBack(cell: number): void {
    Atomics.sub(this.#own, cell * CELL_WORDS + COUNT, 1);
  }

  /** The connections of a client in all workers that have a cell for it. */
  total(lo: number, hi: number): number {
    let total = 0;
    for (let column = 0; column < this.#columns.length; column++) total += this.of(column, lo, hi);
    return total;
  }

  /** The same in one worker. */
  of(worker: number, lo: number, hi: number): number {
    const column = this.#columns[worker]!;
    const first = firstWord(lo);
    for (let at = first; at < first + BUCKET * CELL_WORDS; at += CELL_WORDS) {
      if (!holds(column, at, lo, hi)) continue;
      const count = Atomics.load(column, at + COUNT);
      // Its owner may have given the cell to another client meanwhile.
      if (count > 0 && holds(column, at, lo, hi)) return count;
    }
    return 0;
  }

  /** Main only: a worker has ended, and with it its connections. */
  releaseWorker(worker: number): void {
    this.#columns[worker]!.fill(0);
  }

  #add(lo: number, hi: number): number {
    const own = this.#own;
    const first = firstWord(lo);
    let free = OVERFLOW * CELL_WORDS;
    for (let at = first; at < first + BUCKET * CELL_WORDS; at += CELL_WORDS) {
      const count = own[at + COUNT]!;
      if (count === 0) free = at;
      else if (own[at] === lo && own[at + 1] === hi) {
        Atomics.add(own, at + COUNT, 1);
        return at / CELL_WORDS;
      }
    }
    if (free !== OVERFLOW * CELL_WORDS) {
      Atomics.store(own, free, lo);
      Atomics.store(own, free + 1, hi);
    }
    Atomics.add(own, free + COUNT, 1);
    return free / CELL_WORDS;
  }

  #overflowTotal(): number {
    let total = 0;
    for (const column of this.#columns) total += Atomics.load(column, OVERFLOW * CELL_WORDS + COUNT);
    return total;
  }
}

function firstWord(lo: number): number {
  return (lo & (CELLS / BUCKET - 1)) * BUCKET * CELL_WORDS;
}

function holds(column: Int32Array<SharedArrayBuffer>, at: number, lo: number, hi: number): boolean {
  return Atomics.load(column, at) === lo && Atomics.load(column, at + 1) === hi;
}
