import type { CellKey } from './cell-key.ts';
import type { Clock } from './clock.ts';
import { type CellRules, FULL, LimiterTable } from './limiter-table.ts';
import type { SharedRegion } from './region.ts';

/** Cells of buckets that are leased from a store: so many keys of cluster-wide limits are in sight of a node at once. */
export const LEASE_CELLS = 1 << 14;

/** Where a charge was booked: a cell (0..), or the limit's overflow cell. */
const OVERFLOW = -1;
const VOID = -1n;
const LIVE = 0x4000_0000;
const TIME_MASK = 0x3fff_ffff;

// Int32s that go with a cell.
const NOTES = 8;
/** What was asked for and not there, in tokens. */
const DEMAND = 0;
/** 1: the main thread was told that this cell needs it. */
const ASKED = 1;
/** Whether the main thread knows the key. */
const KNOWN = 2;
const STATUS = 3;
/** Until when STATUS holds without another look, ms of the shared clock. */
const UNTIL = 4;
/** What was left in the store, beside leases. */
const LEFT = 5;
/** The main thread is asked for more when there are no more tokens than this. */
const LOW = 6;
/** Tokens that were spent and are given back. */
const REFUNDS = 7;

/** What the main thread last said of a cell. */
const UNKNOWN = 0;
/** The store gave what is there; until UNTIL it has no more. */
export const ANSWERED = 1;
/** The store is away, and the limit admits nothing without it. */
export const AWAY = 2;

/** The outcome of a charge. */
export const LEASE_ADMITTED = 0;
export const LEASE_REFUSED = 1;
/** Nobody can tell: the store is away. */
export const LEASE_AWAY = 2;
/** No answer yet: it is on its way. */
export const LEASE_PENDING = 3;

export interface LeaseBuffers {
  readonly keys: SharedArrayBuffer;
  readonly words: SharedArrayBuffer;
  readonly notes: SharedArrayBuffer;
}

export function createLeaseBuffers(limitSlots: number): LeaseBuffers {
  const all = LEASE_CELLS + limitSlots;
  return {
    keys: new SharedArrayBuffer(LEASE_CELLS * 8),
    words: new SharedArrayBuffer(all * 8),
    notes: new SharedArrayBuffer(all * NOTES * 4),
  };
}

/**
 * Tokens leased from a store that all nodes share, in shared memory. The word of a cell is when the lease ends and how many of its
 * tokens are left: spending one is one compare-and-swap. The main thread alone takes leases, puts tokens in, takes what is not needed
 * out again, and frees cells; workers tell it what they miss by notes.
 *
 * Decisions leave their details in the fields below, valid until the next call.
 */
export class LeaseCells implements CellRules {
  retryAfterMs = 0;
  /** Tokens left here and, when it last answered, in the store. */
  remaining = 0;
  /** Cell of the last charge: -1 is the limit's overflow cell. */
  cell = OVERFLOW;
  /** The main thread does not know the key of the last charge. */
  unknown = false;

  readonly table: LimiterTable;
  readonly #words: BigInt64Array<SharedArrayBuffer>;
  readonly #notes: Int32Array<SharedArrayBuffer>;
  readonly #clock: Clock;
  readonly #onOverflow: () => void;
  /** Has the main thread look at a cell. */
  readonly #call: (cell: number) => void;
  readonly #halves = new Int32Array(2);
  readonly #bits = new BigInt64Array(this.#halves.buffer);

  constructor(
    region: Pick<SharedRegion, 'leases'>,
    writer: number,
    clock: Clock,
    call: (cell: number) => void,
    onOverflow: () => void,
  ) {
    this.#words = new BigInt64Array(region.leases.words);
    this.#notes = new Int32Array(region.leases.notes);
    this.table = new LimiterTable(region.leases, writer, this);
    this.#clock = clock;
    this.#call = call;
    this.#onOverflow = onOverflow;
  }

  /** Spends `cost` tokens of the lease on the bucket of `key`, or says why not. `limitSlot` names the overflow cell. */
  charge(key: CellKey, limitSlot: number, cost: number): number {
    const { table } = this;
    const { lo, hi } = key;
    let cell = table.find(lo, hi);
    for (;;) {
      if (cell < 0) {
        cell = table.claim(lo, hi, 0);
        if (cell === FULL) {
          cell = LEASE_CELLS + limitSlot;
          this.#onOverflow();
        }
      }
      const before = Atomics.load(this.#words, cell);
      if (cell < LEASE_CELLS && (before < 0n || !table.holds(cell, lo, hi))) {
        cell = table.find(lo, hi);
        continue;
      }
      this.cell = cell;
      this.unknown = false;
      this.#bits[0] = before;
      const tokens = this.#halves[0]!;
      if (tokens < cost || !this.#lasts(this.#halves[1]!)) return this.#miss(cell, cost);
      this.#halves[0] = tokens - cost;
      if (Atomics.compareExchange(this.#words, cell, before, this.#bits[0]!) !== before) continue;
      // Read after the swap: a thread that was stopped before it may have come back when the lease was over.
      if (!this.#lasts(this.#halves[1]!)) return this.#miss(cell, cost);
      if (tokens - cost <= this.#note(cell, LOW)) this.#ask(cell, 0);
      this.remaining = tokens - cost + this.#note(cell, LEFT);
      this.retryAfterMs = 0;
      return LEASE_ADMITTED;
    }
  }

  /** Gives back a charge: the main thread returns it to the store. */
  refund(key: CellKey, cell: number, cost: number): void {
    if (!this.isLive(cell, key.lo, key.hi)) return;
    Atomics.add(this.#notes, cell * NOTES + REFUNDS, cost);
  }

  /** A live cell is given up by the main thread only. */
  isForgettable(): boolean {
    return false;
  }

  firstWord(): bigint {
    this.#halves[0] = 0;
    this.#halves[1] = LIVE;
    return this.#bits[0]!;
  }

  /** Not there: the main thread is asked, unless it said lately that there is nothing. */
  #miss(cell: number, cost: number): number {
    const untilMs = this.#note(cell, UNTIL) - (Math.floor(this.#clock.nowMs()) | 0);
    const status = this.#note(cell, STATUS);
    this.remaining = 0;
    this.retryAfterMs = Math.max(1, untilMs);
    if (status !== UNKNOWN && untilMs > 0) return status === AWAY ? LEASE_AWAY : LEASE_REFUSED;
    this.unknown = this.#note(cell, KNOWN) === 0;
    this.#ask(cell, cost);
    return LEASE_PENDING;
  }

  #ask(cell: number, cost: number): void {
    if (cost > 0) Atomics.add(this.#notes, cell * NOTES + DEMAND, cost);
    if (Atomics.exchange(this.#notes, cell * NOTES + ASKED, 1) === 0) this.#call(cell);
  }

  #note(cell: number, note: number): number {
    return Atomics.load(this.#notes, cell * NOTES + note);
  }

  /** Whether a lease with this upper half lasts. Ends are told apart from now by 30 bits: the main thread empties what has ended. */
  #lasts(high: number): boolean {
    const nowMs = Math.floor(this.#clock.nowMs()) & TIME_MASK;
    return (((high & TIME_MASK) - nowMs) << 2) >> 2 > 0;
  }

  // What follows is for the main thread.

  isLive(cell: number, lo: number, hi: number): boolean {
    return (cell >= LEASE_CELLS || this.table.holds(cell, lo, hi)) && Atomics.load(this.#words, cell) >= 0n;
  }

  tokens(cell: number): number {
    this.#bits[0] = Atomics.load(this.#words, cell);
    return this.#halves[0]!;
  }

  /** Takes all tokens out. Gives how many there were. */
  empty(cell: number): number {
    this.#halves[0] = 0;
    this.#halves[1] = LIVE;
    const word = this.#bits[0]!;
    this.#bits[0] = Atomics.exchange(this.#words, cell, word);
    return this.#halves[0]!;
  }

  /** Puts tokens in; all that are there may be spent until `endsMs`. */
  fill(cell: number, tokens: number, endsMs: number): void {
    for (;;) {
      const before = Atomics.load(this.#words, cell);
      this.#bits[0] = before;
      this.#halves[0]! += tokens;
      this.#halves[1] = LIVE | (Math.floor(endsMs) & TIME_MASK);
      if (Atomics.compareExchange(this.#words, cell, before, this.#bits[0]!) === before) return;
    }
  }

  /** What was missed since the last call. Workers may ask again. */
  takeDemand(cell: number): number {
    Atomics.store(this.#notes, cell * NOTES + ASKED, 0);
    return Atomics.exchange(this.#notes, cell * NOTES + DEMAND, 0);
  }

  takeRefunds(cell: number): number {
    return Atomics.exchange(this.#notes, cell * NOTES + REFUNDS, 0);
  }

  isAsked(cell: number): boolean {
    return this.#note(cell, ASKED) === 1;
  }

  answer(cell: number, status: number, untilMs: number, left: number, low: number): void {
    const at = cell * NOTES;
    Atomics.store(this.#notes, at + LEFT, left);
    Atomics.store(this.#notes, at + LOW, low);
    Atomics.store(this.#notes, at + UNTIL, Math.floor(untilMs) | 0);
    Atomics.store(this.#notes, at + STATUS, status);
    Atomics.store(this.#notes, at + KNOWN, 1);
  }

  know(cell: number): void {
    Atomics.store(this.#notes, cell * NOTES + KNOWN, 1);
  }

  /** Gives a cell without tokens to whoever claims it. False: it has some after all. */
  free(cell: number): boolean {
    const before = Atomics.load(this.#words, cell);
    this.#bits[0] = before;
    if (this.#halves[0] !== 0 || this.#note(cell, DEMAND) > 0) return false;
    const after = cell >= LEASE_CELLS ? before : VOID;
    if (Atomics.compareExchange(this.#words, cell, before, after) !== before) return false;
    for (let note = 0; note < NOTES; note++) Atomics.store(this.#notes, cell * NOTES + note, 0);
    return true;
  }
}
