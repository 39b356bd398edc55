import { SUB_WINDOWS, subWindowAt, subWindowLeavesUs, type WindowPlan } from '@sluice/engine';
import type { CellKey } from './cell-key.ts';
import type { Clock } from './clock.ts';
import { type CellRules, FULL, LimiterTable } from './limiter-table.ts';
import { OverflowDebts } from './overflow-debts.ts';
import type { SharedRegion } from './region.ts';
import { aheadBy, firstCounted, perTag, RING, WindowCells } from './window-cells.ts';

/** Where a charge was booked: a cell (0..), or the limit's overflow cell. */
const OVERFLOW = -1;
const MAX_ATTEMPTS = 10_000;

/**
 * Sliding windows in shared memory, exact across workers. A charge is one compare-and-swap of the window's word, which counts all
 * that was ever charged; what of it lies before the window is read off a ring of marks, one for each sub-window, written by whoever
 * first charges in a later one, before the swap. Nobody waits for anyone.
 *
 * Decisions leave their details in the fields below, valid until the next call.
 */
export class SlidingWindows implements CellRules {
  /** After a refusal: milliseconds until the same charge would be admitted, at least 1; Infinity when it never is. */
  retryAfterMs = 0;
  /** How much the window still admits. */
  remaining = 0;
  /** Milliseconds until nothing counts any longer. */
  resetMs = 0;
  /** Cell of the last admitted charge, for `refund`. */
  cell = OVERFLOW;

  /** Number of the sub-window in which the last admitted charge counts. */
  bookedIn = 0;

  readonly table: LimiterTable;
  readonly #cells: WindowCells;
  /** The first of the overflow cells, one for each slot of limits. */
  readonly #overflow: number;
  readonly #debts: OverflowDebts;
  readonly #clock: Clock;
  readonly #onOverflow: () => void;
  // Of the charge that claims a cell.
  #claimHi = 0;
  #claimSlot = 0;
  #claimPlan: WindowPlan = { requests: 0, perUs: 0, subUs: 1 };

  /** `onOverflow` is told of each charge on an overflow cell. */
  constructor(
    region: Pick<SharedRegion, 'windows' | 'windowCells'>,
    writer: number,
    clock: Clock,
    onOverflow: () => void,
  ) {
    this.#cells = new WindowCells(region.windows);
    this.table = new LimiterTable(region.windows, writer, this);
    this.#overflow = region.windowCells;
    this.#debts = new OverflowDebts(region.windows.debts);
    this.#clock = clock;
    this.#onOverflow = onOverflow;
  }

  /**
   * Takes `cost` from the window of `key`, or nothing. `limitSlot` names the overflow cell, and is the plan's: an override has one
   * of its own.
   */
  charge(key: CellKey, limitSlot: number, plan: WindowPlan, nowUs: number, cost = 1): boolean {
    const { table } = this;
    const { lo, hi } = key;
    let cell = table.find(lo, hi);
    let atUs = nowUs;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (cell < 0) {
        cell = this.#claim(key, limitSlot, plan);
        if (cell === FULL) {
          cell = this.#overflow + limitSlot;
          this.#onOverflow();
        }
      }
      // As in `Limiter`: a swap that succeeds after the key was seen to match has charged that key.
      const before = Atomics.load(table.words, cell);
      if (cell < this.#overflow && (before < 0n || !table.holds(cell, lo, hi))) {
        cell = table.find(lo, hi);
        continue;
      }
      const outcome = this.#decide(cell, before, plan, atUs, cost);
      if (outcome === REFUSED) return false;
      if (outcome === ADMITTED) {
        this.cell = cell < this.#overflow ? cell : OVERFLOW;
        if (cell < this.#overflow) return true;
        this.#debts.note(hi, subWindowLeavesUs(this.bookedIn, plan));
        if (!table.isKnown(lo, hi)) return true;
        // Another worker makes a cell for this key, and may not have seen the charge.
        this.refund(key, limitSlot, plan, OVERFLOW, (this.bookedIn + 0.5) * plan.subUs, cost);
        cell = table.find(lo, hi);
      }
      atUs = this.#clock.nowUs();
    }
    this.retryAfterMs = Math.ceil(plan.subUs / 1000);
    this.remaining = 0;
    this.resetMs = plan.perUs / 1000;
    return false;
  }

  /**
   * Gives back a charge of `nowUs` that `cell` recorded, when a later limit refused the request. Once the next sub-window has begun,
   * it is kept, because what was counted meanwhile relies on it. Whether it was given back.
   */
  refund(key: CellKey, limitSlot: number, plan: WindowPlan, cell: number, nowUs: number, cost = 1): boolean {
    const { words } = this.table;
    const cells = this.#cells;
    const index = cell === OVERFLOW ? this.#overflow + limitSlot : cell;
    const number = subWindowAt(nowUs, plan);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const before = Atomics.load(words, index);
      if (!cells.read(before) || (cell !== OVERFLOW && !this.table.holds(cell, key.lo, key.hi))) return false;
      if (cells.perTag !== perTag(plan.perUs) || aheadBy(number, cells.number) !== 0) return false;
      const next = cells.word(cells.total - cost, cells.number, cells.perTag, cells.refunds + 1);
      if (Atomics.compareExchange(words, index, before, next) === before) return true;
    }
    return false;
  }

  isForgettable(cell: number, _word: bigint, nowUs: number): boolean {
    return this.#cells.hasLapsed(cell, nowUs);
  }

  /**
   * A cell begins empty, unless its key may have been charged in the overflow cell and owe that still: then with all that was counted
   * there until the key's last charge.
   */
  firstWord(cell: number, claim: bigint): bigint {
    const cells = this.#cells;
    const plan = this.#claimPlan;
    const nowUs = this.#clock.nowUs();
    const number = subWindowAt(nowUs, plan);
    const tag = perTag(plan.perUs);
    const from = this.#overflow + this.#claimSlot;
    const owedUs = this.#debts.until(this.#claimHi);
    if (owedUs <= nowUs || !cells.read(Atomics.load(cells.words, from)) || cells.hasLapsed(from, nowUs)) {
      this.#markAll(cell, claim, number, 0);
      return cells.word(0, number, tag, 0);
    }
    let { total } = cells;
    if (cells.perTag !== tag) {
      total = this.#countedBefore(from, plan);
      cells.keepUntil(cell, subWindowLeavesUs(number, plan));
      this.#markAll(cell, claim, number, 0);
      return cells.word(total, number, tag, 0);
    }
    const newest = number - aheadBy(number, cells.number);
    const last = Math.min(newest, Math.ceil(owedUs / plan.subUs) - SUB_WINDOWS - 1);
    const afterLast = last < newest ? cells.totalBefore(from, last + 1) : total;
    if (afterLast >= 0) total = afterLast;
    cells.keepUntil(cell, subWindowLeavesUs(last, plan));
    for (let each = number - RING + 1; each <= number; each++) {
      const before = each <= last && each >= firstCounted(number) ? cells.totalBefore(from, each) : total;
      if (!cells.mark(cell, claim, each, before < 0 ? total - plan.requests : before, false)) break;
    }
    return cells.word(total, number, tag, 0);
  }

  #claim(key: CellKey, limitSlot: number, plan: WindowPlan): number {
    this.#claimHi = key.hi;
    this.#claimSlot = limitSlot;
    this.#claimPlan = plan;
    return this.table.claim(key.lo, key.hi, this.#clock.nowUs());
  }

  /** Charges a cell whose word is `before`, or refuses; AGAIN where it has changed, or was looked at with too old a clock. */
  #decide(cell: number, before: bigint, plan: WindowPlan, nowUs: number, cost: number): number {
    const cells = this.#cells;
    const tag = perTag(plan.perUs);
    let number = subWindowAt(nowUs, plan);
    const live = cells.read(before);
    const { total, refunds } = cells;
    let ahead = aheadBy(number, cells.number);
    // What counts in the window, and the total before it.
    let floor: number;
    let startsOver = false;
    if (!live || cells.hasLapsed(cell, nowUs)) {
      floor = total;
      startsOver = true;
    } else if (cells.perTag !== tag) {
      // The limit's `per` was changed: what counted then is as if admitted just now, but for no more than all of it.
      floor = total - this.#countedBefore(cell, plan);
      startsOver = true;
    } else {
      if (ahead < 0) {
        // The last charge came with a clock read later. This one comes after it all the same, unless that was so long ago that its
        // number has come round again.
        number = Math.max(number, subWindowAt(this.#clock.nowUs(), plan));
        ahead = aheadBy(number, cells.number);
        startsOver = ahead < -1;
        if (ahead === -1) {
          number++;
          ahead = 0;
        }
      }
      startsOver ||= ahead > SUB_WINDOWS;
      // Of at most 60 sub-windows ahead the first that counts is marked: it is the word's own, or one before it.
      floor = startsOver ? total : cells.totalBefore(cell, firstCounted(number));
      if (floor < 0) return AGAIN;
    }
    const used = (total - floor) >>> 0;
    if (used + cost > plan.requests) {
      return this.#refuse(cell, plan, nowUs, number, startsOver ? -1 : number - ahead, total, used, cost);
    }
    if (startsOver) {
      if (!this.#startOver(cell, before, plan, number, floor)) return AGAIN;
    } else if (ahead > 0) {
      if (!this.#advance(cell, before, number, ahead, total)) return AGAIN;
    }
    cells.keepUntil(cell, subWindowLeavesUs(number, plan));
    const next = cells.word(total + cost, number, tag, refunds);
    if (Atomics.compareExchange(cells.words, cell, before, next) !== before) return AGAIN;
    this.retryAfterMs = 0;
    this.bookedIn = number;
    this.#describe(plan, nowUs, number, used + cost);
    return ADMITTED;
  }

  /** Marks the `count` sub-windows up to `number`, of which nothing was charged in those before it. */
  #advance(cell: number, word: bigint, number: number, count: number, total: number): boolean {
    for (let each = number - count + 1; each <= number; each++) {
      if (!this.#cells.mark(cell, word, each, total, true)) return false;
    }
    return true;
  }

  /** Marks the whole ring, whatever was there: a window that begins with `total`. */
  #startOver(cell: number, word: bigint, plan: WindowPlan, number: number, total: number): boolean {
    return subWindowAt(this.#clock.nowUs(), plan) <= number && this.#markAll(cell, word, number, total);
  }

  #markAll(cell: number, word: bigint, number: number, total: number): boolean {
    for (let each = number - RING + 1; each <= number; each++) {
      if (!this.#cells.mark(cell, word, each, total, false)) return false;
    }
    return true;
  }

  /** What a cell, whose word was just read, counted when its window had another length; no more than all of it. */
  #countedBefore(cell: number, plan: WindowPlan): number {
    const { total, number } = this.#cells;
    const then = this.#cells.totalBefore(cell, firstCounted(number));
    return Math.min(plan.requests, then < 0 ? plan.requests : (total - then) >>> 0);
  }

  /** `last`: the last sub-window that is marked, -1 where what counts is as if admitted just now. */
  #refuse(
    cell: number,
    plan: WindowPlan,
    nowUs: number,
    number: number,
    last: number,
    total: number,
    used: number,
    cost: number,
  ): number {
    this.#describe(plan, nowUs, number, used);
    if (cost > plan.requests) {
      this.retryAfterMs = Number.POSITIVE_INFINITY;
      return REFUSED;
    }
    // The fewest sub-windows that have to leave.
    let most = SUB_WINDOWS + 1;
    let fewest = last < 0 ? most : 1;
    while (fewest < most) {
      const middle = (fewest + most) >>> 1;
      const first = firstCounted(number) + middle;
      const floor = first > last ? total : this.#cells.totalBefore(cell, first);
      if (floor >= 0 && ((total - floor) >>> 0) + cost <= plan.requests) most = middle;
      else fewest = middle + 1;
    }
    this.retryAfterMs = Math.max(1, Math.ceil(((number + fewest) * plan.subUs - nowUs) / 1000));
    return REFUSED;
  }

  #describe(plan: WindowPlan, nowUs: number, number: number, used: number): void {
    this.remaining = plan.requests > used ? plan.requests - used : 0;
    this.resetMs = used === 0 ? 0 : Math.max(0, subWindowLeavesUs(number, plan) - nowUs) / 1000;
  }
}

const ADMITTED = 1;
const REFUSED = 0;
const AGAIN = -1;
