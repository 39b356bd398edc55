import type { Log } from '@sluice/engine';
import { ANSWERED, AWAY, LeaseCalls, type Shared } from '../../shared/index.ts';
import { LEASE_MS, type LeaseAnswer, type LeaseStore } from './lease-store.ts';
import { type LeasedKey, readLeasedKey } from './leased-key.ts';
import { LocalShare } from './local-share.ts';

/** A node ends its leases so much early: clocks need not go alike to the last percent. */
const SPENDABLE_MS = LEASE_MS * 0.9;
const TICK_MS = 50;
/** Leases are sized for so long at the recent rate. */
const HORIZON_MS = 100;
/** Between two calls for one bucket. */
const MIN_GAP_MS = 4;
/** A bucket that fails open waits no longer than this for an answer. */
const OPEN_AFTER_MS = 35;
/** A bucket that nobody asks for is forgotten after this. */
const IDLE_MS = 5000;
const AWAY_MS = 100;

/** The lease of one bucket. */
interface Lease {
  readonly cell: number;
  readonly lo: number;
  readonly hi: number;
  readonly bucket: LeasedKey;
  readonly share: LocalShare;
  /** The store's name of it; empty: none. */
  id: string;
  granted: number;
  givenBack: number;
  /** Until when its tokens may be spent, shared clock. */
  endsMs: number;
  /** Its tokens are of the node's own share, not of the store. */
  isLocal: boolean;
  isAsking: boolean;
  askAgain: boolean;
  askedMs: number;
  /** Tokens a millisecond, lately. */
  rate: number;
  spentSeen: number;
  seenMs: number;
  usedMs: number;
}

/**
 * Takes leases for the buckets that workers ask for, in the main thread. Workers only touch shared memory; a request waits only where
 * its bucket has no answer yet.
 */
export class LeaseKeeper {
  readonly #shared: Shared;
  readonly #store: LeaseStore;
  readonly #log: Log;
  readonly #calls: readonly LeaseCalls[];
  readonly #leases = new Map<number, Lease>();
  readonly #ticking: NodeJS.Timeout;
  /** Tokens given out of the node's own share while the store was away. */
  openTokens = 0;

  constructor(shared: Shared, store: LeaseStore, log: Log) {
    this.#shared = shared;
    this.#store = store;
    this.#log = log;
    const { region, doorbells } = shared;
    this.#calls = Array.from({ length: region.writers }, (_, writer) => new LeaseCalls(region.leaseCalls, writer));
    doorbells.listen(() => this.#onRing());
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  get leases(): number {
    return this.#leases.size;
  }

  get store(): LeaseStore {
    return this.#store;
  }

  close(): void {
    clearInterval(this.#ticking);
    this.#shared.doorbells.close();
  }

  #onRing(): void {
    const nowMs = this.#shared.clock.nowMs();
    for (const calls of this.#calls) {
      for (let call = calls.take(); call !== undefined; call = calls.take()) {
        if (call.text !== '') this.#learn(call.cell, call.lo, call.hi, call.text, nowMs);
        const lease = this.#leases.get(call.cell);
        if (lease !== undefined) this.#ask(lease, nowMs);
      }
    }
  }

  #learn(cell: number, lo: number, hi: number, text: string, nowMs: number): void {
    if (this.#leases.has(cell) || !this.#shared.leases.isLive(cell, lo, hi)) return;
    const bucket = readLeasedKey(text);
    this.#shared.leases.know(cell);
    this.#leases.set(cell, {
      cell,
      lo,
      hi,
      bucket,
      share: new LocalShare(bucket),
      id: '',
      granted: 0,
      givenBack: 0,
      endsMs: 0,
      isLocal: false,
      isAsking: false,
      askAgain: false,
      askedMs: 0,
      rate: 0,
      spentSeen: 0,
      seenMs: nowMs,
      usedMs: nowMs,
    });
  }

  /** Asks for what is missing, and reports. */
  #ask(lease: Lease, nowMs: number): void {
    if (lease.isAsking) {
      lease.askAgain = true;
      return;
    }
    if (!this.#store.up) {
      this.#serveAlone(lease, nowMs);
      return;
    }
    const gapMs = lease.askedMs + MIN_GAP_MS - nowMs;
    if (gapMs > 0) {
      lease.isAsking = true;
      setTimeout(() => {
        lease.isAsking = false;
        this.#ask(lease, this.#shared.clock.nowMs());
      }, gapMs);
      return;
    }
    void this.#call(lease, nowMs, true);
  }

  async #call(lease: Lease, nowMs: number, keeps: boolean): Promise<void> {
    const { leases } = this.#shared;
    const { cell, bucket } = lease;
    lease.isAsking = true;
    lease.askAgain = false;
    lease.askedMs = nowMs;
    const demand = leases.takeDemand(cell);
    if (demand > 0) lease.usedMs = nowMs;
    this.#measure(lease, nowMs);
    // What cannot be spent any more goes back, and what is the node's own does not go anywhere.
    const refunds = leases.takeRefunds(cell);
    if (lease.isLocal) {
      this.#endLocal(lease);
    } else {
      // Of a window, what was booked stays where it was.
      if (bucket.algorithm === 'tokenBucket') lease.givenBack += refunds;
      if (!keeps || nowMs >= lease.endsMs) lease.givenBack += leases.empty(cell);
    }
    const tokens = leases.tokens(cell);
    const share = Math.max(1, Math.floor(bucket.burst / this.#store.nodes));
    const ahead = Math.ceil(lease.rate * HORIZON_MS);
    const wanted = keeps ? Math.max(demand > 0 ? bucket.cost : 0, Math.min(share, demand + ahead - tokens)) : 0;
    const report = { lease: lease.id, spent: lease.granted - lease.givenBack - tokens, givenBack: lease.givenBack };
    const opening = bucket.failOpen
      ? setTimeout(() => this.#serveAlone(lease, nowMs + OPEN_AFTER_MS), OPEN_AFTER_MS)
      : undefined;
    try {
      const answer = await this.#store.lease(bucket, report, Math.max(0, wanted));
      this.#take(lease, answer, nowMs, wanted);
    } catch (error) {
      this.#log.debug('no answer of the limit store', { limit: bucket.key, error: String(error) });
      if (demand > 0 || leases.isAsked(cell)) this.#serveAlone(lease, this.#shared.clock.nowMs());
    } finally {
      clearTimeout(opening);
      lease.isAsking = false;
      if (lease.askAgain || leases.isAsked(cell)) this.#ask(lease, this.#shared.clock.nowMs());
    }
  }

  #take(lease: Lease, answer: LeaseAnswer, askedMs: number, wanted: number): void {
    const { leases, clock } = this.#shared;
    const { cell } = lease;
    // What was the node's own is over: the store is there.
    if (lease.isLocal) leases.empty(cell);
    lease.isLocal = false;
    if (answer.lease !== lease.id) {
      // Whatever was left of the one before is spent, as the store sees it.
      leases.empty(cell);
      lease.id = answer.lease;
      lease.granted = 0;
      lease.givenBack = 0;
      lease.spentSeen = 0;
    }
    const news = answer.granted - lease.granted;
    lease.granted = answer.granted;
    lease.endsMs = askedMs + SPENDABLE_MS;
    if (news > 0 || leases.tokens(cell) > 0) leases.fill(cell, news, lease.endsMs);
    const nowMs = clock.nowMs();
    leases.answer(
      cell,
      ANSWERED,
      answer.waitMs > 0 ? nowMs + answer.waitMs : nowMs,
      answer.left,
      Math.floor(wanted / 4),
    );
    this.#tellWorkers();
  }

  /** The store is away: a bucket that fails open takes from the node's own share, once its lease is over. */
  #serveAlone(lease: Lease, nowMs: number): void {
    const { leases } = this.#shared;
    const { cell, bucket } = lease;
    if (nowMs < lease.endsMs && leases.tokens(cell) >= bucket.cost) return;
    const demand = Math.max(leases.takeDemand(cell), bucket.cost);
    lease.usedMs = nowMs;
    if (!bucket.failOpen) {
      leases.answer(cell, AWAY, nowMs + AWAY_MS, 0, 0);
    } else {
      // What is left of a lease of the store counts as spent there.
      if (!lease.isLocal) leases.empty(cell);
      lease.isLocal = true;
      const { tokens, waitMs } = lease.share.take(demand, leases.tokens(cell), this.#store.nodes, nowMs);
      this.openTokens += tokens;
      leases.fill(cell, tokens, nowMs + SPENDABLE_MS);
      lease.endsMs = nowMs + SPENDABLE_MS;
      leases.answer(cell, ANSWERED, waitMs > 0 ? nowMs + waitMs : nowMs, 0, 0);
    }
    this.#tellWorkers();
  }

  /** How much was spent lately. */
  #measure(lease: Lease, nowMs: number): void {
    const spent = lease.granted - lease.givenBack - this.#shared.leases.tokens(lease.cell);
    const ms = nowMs - lease.seenMs;
    if (ms < TICK_MS / 2) return;
    const news = Math.max(0, spent - lease.spentSeen);
    if (news > 0) lease.usedMs = nowMs;
    const weight = Math.min(1, ms / (4 * TICK_MS));
    lease.rate += (news / ms - lease.rate) * weight;
    lease.spentSeen = spent;
    lease.seenMs = nowMs;
  }

  #tick(): void {
    const { leases, clock } = this.#shared;
    const nowMs = clock.nowMs();
    this.#onRing();
    for (const lease of this.#leases.values()) {
      if (lease.isAsking) continue;
      const { cell } = lease;
      this.#measure(lease, nowMs);
      const isIdle = nowMs - lease.usedMs > 4 * TICK_MS;
      if (leases.isAsked(cell)) this.#ask(lease, nowMs);
      else if (lease.isLocal) {
        if (nowMs >= lease.endsMs || this.#store.up) this.#endLocal(lease);
      } else if (lease.id !== '' && this.#store.up) {
        const unspent = leases.tokens(cell);
        const isOpen = lease.granted > lease.givenBack;
        if (isOpen && unspent === 0 && isIdle) void this.#call(lease, nowMs, false);
        else if (unspent > 0 && (isIdle || nowMs > lease.endsMs - SPENDABLE_MS / 2))
          void this.#call(lease, nowMs, !isIdle);
      }
      if (nowMs - lease.usedMs > IDLE_MS && !lease.isAsking) this.#forget(lease, nowMs);
    }
  }

  #endLocal(lease: Lease): void {
    this.#shared.leases.empty(lease.cell);
    lease.isLocal = false;
    lease.id = '';
    lease.granted = lease.givenBack = lease.spentSeen = 0;
  }

  #forget(lease: Lease, nowMs: number): void {
    const { leases } = this.#shared;
    if (nowMs < lease.endsMs || lease.share.inUse(nowMs)) return;
    leases.empty(lease.cell);
    if (leases.free(lease.cell)) this.#leases.delete(lease.cell);
  }

  #tellWorkers(): void {
    const { doorbells, region, writer } = this.#shared;
    for (let worker = 0; worker < region.writers; worker++) if (worker !== writer) doorbells.ring(worker);
  }
}
