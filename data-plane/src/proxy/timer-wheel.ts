import type { Clock } from '../shared/index.ts';

/** Who is told when a timer is due. The timer is then disarmed; `onTimer` may arm it again. */
export interface TimerOwner {
  onTimer(): void;
}

/** A deadline that its owner moves about; owned for life, so that a request allocates none. */
export class WheelTimer {
  /** On the shared clock; Infinity: not armed. */
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly owner: TimerOwner | null;
  /** The tick under which the wheel has it, -1 where it has not. Never later than the deadline's. */
  tick = -1;
  next: WheelTimer = this;
  previous: WheelTimer = this;

  constructor(owner: TimerOwner | null) {
    this.owner = owner;
  }
}

const TICK_MS = 10;
const SLOTS = 1024;
const MASK = SLOTS - 1;
/** In place of the tick to wake at: earlier than any, so that linking a timer sets no alarm. */
const AWAKE = -1;
const CLOSED = -2;

/**
 * The timers of one worker. A deadline that is moved to later, which is what nearly all do, costs one store: the wheel looks at it
 * again when the old one has come. Timers fire up to one tick (10 ms) late, never early.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #slots = Array.from({ length: SLOTS }, () => new WheelTimer(null));
  readonly #due = new WheelTimer(null);
  #count = 0;
  #lastTick: number;
  #wake: NodeJS.Timeout | null = null;
  #wakeTick = Number.POSITIVE_INFINITY;
  readonly #advance = () => this.#onWake();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastTick = Math.floor(clock.nowMs() / TICK_MS);
  }

  /** Sets or moves the deadline. Infinity disarms. */
  arm(timer: WheelTimer, deadlineMs: number): void {
    timer.deadlineMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const tick = Math.ceil(deadlineMs / TICK_MS);
    if (timer.tick >= 0) {
      if (timer.tick <= tick) return;
      this.#unlink(timer);
    }
    this.#link(timer, tick);
  }

  /** Takes a timer out for good, so that the wheel does not keep its owner alive. */
  remove(timer: WheelTimer): void {
    timer.deadlineMs = Number.POSITIVE_INFINITY;
    if (timer.tick >= 0) this.#unlink(timer);
  }

  /** Fires no more. */
  close(): void {
    if (this.#wake !== null) clearTimeout(this.#wake);
    this.#wakeTick = CLOSED;
  }

  #link(timer: WheelTimer, tick: number): void {
    const due = Math.max(tick, this.#lastTick + 1);
    timer.tick = due;
    append(this.#slots[due & MASK] as WheelTimer, timer);
    this.#count++;
    if (due < this.#wakeTick) this.#sleepUntil(due);
  }

  #unlink(timer: WheelTimer): void {
    detach(timer);
    timer.tick = -1;
    this.#count--;
  }

  #onWake(): void {
    this.#wake = null;
    this.#wakeTick = AWAKE;
    const nowMs = this.#clock.nowMs();
    const nowTick = Math.floor(nowMs / TICK_MS);
    const due = this.#due;
    for (let tick = Math.max(this.#lastTick + 1, nowTick - MASK); tick <= nowTick; tick++) {
      const slot = this.#slots[tick & MASK] as WheelTimer;
      while (slot.next !== slot) {
        const timer = slot.next;
        detach(timer);
        append(due, timer);
      }
    }
    this.#lastTick = Math.max(nowTick, this.#lastTick);
    while (due.next !== due) {
      const timer = due.next;
      this.#unlink(timer);
      if (timer.deadlineMs <= nowMs) {
        timer.deadlineMs = Number.POSITIVE_INFINITY;
        timer.owner?.onTimer();
      } else if (timer.deadlineMs !== Number.POSITIVE_INFINITY) {
        this.#link(timer, Math.ceil(timer.deadlineMs / TICK_MS));
      }
    }
    if (this.#wakeTick === CLOSED) return;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    if (this.#count > 0) this.#sleepUntil(this.#nextTick());
  }

  #nextTick(): number {
    for (let tick = this.#lastTick + 1; tick < this.#lastTick + SLOTS; tick++) {
      const slot = this.#slots[tick & MASK] as WheelTimer;
      if (slot.next !== slot) return tick;
    }
    return this.#lastTick + SLOTS;
  }

  #sleepUntil(tick: number): void {
    if (this.#wake !== null) clearTimeout(this.#wake);
    this.#wakeTick = tick;
    const delayMs = Math.max(1, Math.ceil(tick * TICK_MS - this.#clock.nowMs()));
    this.#wake = setTimeout(this.#advance, delayMs).unref();
  }
}

function append(list: WheelTimer, timer: WheelTimer): void {
  const last = list.previous;
  timer.next = list;
  timer.previous = last;
  last.next = timer;
  list.previous = timer;
}

function detach(timer: WheelTimer): void {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.next = timer;
  timer.previous = timer;
}
