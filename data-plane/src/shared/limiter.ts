import { chargeGcra, type GcraPlan, gcraOutgrown, gcraRemaining, gcraWaitUs, refundGcra } from '@sluice/engine';
import type { CellKey } from './cell-key.ts';
import type { Clock } from './clock.ts';
import { type CellRules, FULL, LimiterTable } from './limiter-table.ts';
import { OverflowDebts } from './overflow-debts.ts';
import type { SharedRegion } from './region.ts';

/** Where a charge was booked, so that it can be given back: a cell (0..), or the limit's overflow cell. */
const OVERFLOW = -1;
/** Retries of one decision against other workers before it is refused. Each retry means that another worker got on. */
const MAX_ATTEMPTS = 10_000;
/** What sums of fractions of a microsecond may be wrong by, and more. */
const ROUNDING_US = 0.01;
const NO_PLAN: GcraPlan = { intervalUs: 0, capacityUs: 0, slackUs: 0, burst: 0 };

/**
 * Token buckets in shared memory, exact across workers: a charge is one compare-and-swap of the bucket's TAT.
 * Decisions leave their details in the fields below, valid until the next call.
 */
export class Limiter implements CellRules {
  /** After a refusal: milliseconds until the same charge would be admitted, at least 1; Infinity when it never is. */
  retryAfterMs = 0;
  /** Whole tokens left. */
  remaining = 0;
  /** Milliseconds until the bucket is full again. */
  resetMs = 0;
  /** Cell of the last admitted charge, for `refund`. */
  cell = OVERFLOW;

  readonly table: LimiterTable;
  readonly #overflow: BigInt64Array<SharedArrayBuffer>;
  readonly #debts: OverflowDebts;
  readonly #clock: Clock;
  readonly #onOverflow: () => void;
  readonly #float = new Float64Array(2);
  readonly #bits = new BigInt64Array(this.#float.buffer);
  // Of the charge that claims a cell.
  #claimHi = 0;
  #claimSlot = 0;
  #claimPlan = NO_PLAN;
  #claimUs = 0;

  /** `onOverflow` is told of each charge on an overflow cell. */
  constructor(
    region: Pick<SharedRegion, 'limiterKeys' | 'limiterTats' | 'limiterOverflow' | 'limiterDebts'>,
    writer: number,
    clock: Clock,
    onOverflow: () => void,
  ) {
    this.table = new LimiterTable({ words: region.limiterTats, keys: region.limiterKeys }, writer, this);
    this.#overflow = new BigInt64Array(region.limiterOverflow);
    this.#debts = new OverflowDebts(region.limiterDebts);
    this.#clock = clock;
    this.#onOverflow = onOverflow;
  }

  /**
   * Takes `cost` tokens from the bucket of `key`, or none. `limitSlot` names the overflow cell, and is the bucket plan's: an
   * override has one of its own, because an overflow cell can follow only one plan.
   */
  charge(key: CellKey, limitSlot: number, plan: GcraPlan, nowUs: number, cost = 1): boolean {
    const { table } = this;
    const { lo, hi } = key;
    let cell = table.find(lo, hi);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (cell < 0) {
        cell = this.#claim(key, limitSlot, plan, nowUs);
        if (cell === FULL) {
          const admitted = this.#chargeOverflow(key, limitSlot, plan, nowUs, cost);
          if (!admitted || !table.isKnown(lo, hi)) return admitted;
          // Another worker makes a cell for this key, and may not have seen the charge.
          this.refund(key, limitSlot, plan, OVERFLOW, cost);
          cell = table.find(lo, hi);
          continue;
        }
      }
      // The order matters: whoever takes the cell for another key changes the TAT first, so a swap that succeeds after the key
      // was seen to match has charged that key.
      const before = Atomics.load(table.words, cell);
      this.#bits[0] = before;
      const tatUs = this.#float[0]!;
      if (!(tatUs >= 0) || !table.holds(cell, lo, hi)) {
        cell = table.find(lo, hi);
        continue;
      }
      if (gcraOutgrown(tatUs, nowUs, plan)) {
        this.#shrink(table.words, cell, before, tatUs, plan);
        continue;
      }
      const next = chargeGcra(tatUs, nowUs, plan, cost);
      if (next < 0) return this.#refuse(tatUs, nowUs, plan, cost);
      this.#float[1] = next;
      if (Atomics.compareExchange(table.words, cell, before, this.#bits[1]!) === before) {
        return this.#admit(cell, next, nowUs, plan);
      }
    }
    return this.#refuse(nowUs + plan.capacityUs, nowUs, plan, cost);
  }

  /** Gives back a charge that `cell` recorded, when a later limit refused the request. */
  refund(key: CellKey, limitSlot: number, plan: GcraPlan, cell: number, cost = 1): void {
    const tats = cell === OVERFLOW ? this.#overflow : this.table.words;
    const index = cell === OVERFLOW ? limitSlot : cell;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = Atomics.load(tats, index);
      this.#bits[0] = before;
      const tatUs = this.#float[0]!;
      // A cell that went to another key had run full: nothing is owed.
      if (!(tatUs >= 0) || (cell !== OVERFLOW && !this.table.holds(cell, key.lo, key.hi))) return;
      this.#float[1] = refundGcra(tatUs, plan, cost);
      if (Atomics.compareExchange(tats, index, before, this.#bits[1]!) === before) return;
    }
  }

  /** What `charge` would find, changing nothing: fills `remaining` and `resetMs`. False when the key has no cell (a full bucket). */
  peek(key: CellKey, plan: GcraPlan, nowUs: number): boolean {
    const cell = this.table.find(key.lo, key.hi);
    const tatUs = cell < 0 ? 0 : this.#read(this.table.words, cell);
    this.#describe(tatUs, nowUs, plan);
    return cell >= 0;
  }

  /** As `peek`, for the overflow cell of a limit. */
  peekOverflow(limitSlot: number, plan: GcraPlan, nowUs: number): void {
    this.#describe(this.#read(this.#overflow, limitSlot), nowUs, plan);
  }

  /** A bucket that has run full. A microsecond of margin makes the first TAT differ from the last. */
  isForgettable(_cell: number, word: bigint, nowUs: number): boolean {
    this.#bits[1] = word;
    return this.#float[1]! + 1 < nowUs;
  }

  /**
   * A cell begins full, unless its key may have been charged in the overflow cell and owe that still: then with the TAT that the
   * overflow cell had after it, which is no earlier than one of the key's own had been.
   */
  firstWord(): bigint {
    const nowUs = this.#claimUs;
    let tatUs = nowUs;
    const owedUs = this.#debts.until(this.#claimHi);
    if (owedUs > nowUs) {
      const overflowUs = this.#read(this.#overflow, this.#claimSlot);
      if (overflowUs > nowUs) tatUs = Math.min(owedUs, overflowUs, nowUs + this.#claimPlan.capacityUs);
    }
    this.#float[1] = tatUs;
    return this.#bits[1]!;
  }

  #claim(key: CellKey, limitSlot: number, plan: GcraPlan, nowUs: number): number {
    this.#claimHi = key.hi;
    this.#claimSlot = limitSlot;
    this.#claimPlan = plan;
    this.#claimUs = nowUs;
    return this.table.claim(key.lo, key.hi, nowUs);
  }

  #chargeOverflow(key: CellKey, limitSlot: number, plan: GcraPlan, nowUs: number, cost: number): boolean {
    this.#onOverflow();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = Atomics.load(this.#overflow, limitSlot);
      this.#bits[0] = before;
      const tatUs = this.#float[0]!;
      if (gcraOutgrown(tatUs, nowUs, plan)) {
        this.#shrink(this.#overflow, limitSlot, before, tatUs, plan);
        continue;
      }
      const next = chargeGcra(tatUs, nowUs, plan, cost);
      if (next < 0) return this.#refuse(tatUs, nowUs, plan, cost);
      this.#float[1] = next;
      if (Atomics.compareExchange(this.#overflow, limitSlot, before, this.#bits[1]!) === before) {
        this.#debts.note(key.hi, next);
        return this.#admit(OVERFLOW, next, nowUs, plan);
      }
    }
    return this.#refuse(nowUs + plan.capacityUs, nowUs, plan, cost);
  }

  /** Brings a TAT that only an older, larger plan can have set down to an empty bucket of this one. */
  #shrink(tats: BigInt64Array<SharedArrayBuffer>, index: number, before: bigint, tatUs: number, plan: GcraPlan): void {
    // Read afresh: with a stale `now` a bucket in force would be lowered.
    const freshUs = this.#clock.nowUs();
    this.#float[1] = gcraOutgrown(tatUs, freshUs, plan) ? freshUs + plan.capacityUs : tatUs;
    Atomics.compareExchange(tats, index, before, this.#bits[1]!);
  }

  #admit(cell: number, tatUs: number, nowUs: number, plan: GcraPlan): true {
    this.cell = cell;
    this.retryAfterMs = 0;
    this.#describe(tatUs, nowUs, plan);
    return true;
  }

  #refuse(tatUs: number, nowUs: number, plan: GcraPlan, cost: number): false {
    // Times are sums of fractions: what is over a millisecond by less than those can be wrong is that millisecond.
    const waitUs = gcraWaitUs(tatUs, nowUs, plan, cost) - ROUNDING_US;
    this.retryAfterMs = Math.max(1, Math.ceil(waitUs / 1000));
    this.#describe(tatUs, nowUs, plan);
    return false;
  }

  #describe(tatUs: number, nowUs: number, plan: GcraPlan): void {
    this.remaining = gcraRemaining(tatUs, nowUs, plan);
    this.resetMs = tatUs > nowUs ? (tatUs - nowUs) / 1000 : 0;
  }

  #read(tats: BigInt64Array<SharedArrayBuffer>, index: number): number {
    this.#bits[0] = Atomics.load(tats, index);
    const tatUs = this.#float[0]!;
    return tatUs >= 0 ? tatUs : 0;
  }
}
