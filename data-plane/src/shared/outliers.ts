import {
  ejectedWord,
  ejectionMs,
  ejectsNext,
  mostEjected,
  nextEjection,
  type OutlierPolicy,
  outlierEjections,
  outlierFailures,
  withOneFailure,
  withoutFailures,
} from '@sluice/engine';
import { OVERFLOW_SLOT, type SharedRegion } from './region.ts';

/** Times of the second cell are counted in these, so that they last for years. */
const UNIT_MS = 100;
const MAX_ATTEMPTS = 100;

/**
 * What the live traffic of all workers says of endpoints, by endpoint slot: one word of counts (`outlier.ts` of the engine) and the
 * time until which the endpoint is ejected, or was. Each changes by single swaps; who is overtaken changes nothing.
 */
export class Outliers {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #until: Int32Array<SharedArrayBuffer>;

  constructor(region: SharedRegion) {
    this.#words = new Int32Array(region.outliers.words);
    this.#until = new Int32Array(region.outliers.until);
  }

  /** Until when the endpoint is ejected, on the shared clock; in the past: when it returned; 0: it never was. */
  untilMs(slot: number): number {
    return Atomics.load(this.#until, slot) * UNIT_MS;
  }

  /** A try that began at `startedMs` went well. One from before the endpoint returned says nothing. */
  succeeded(slot: number, startedMs: number): void {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const word = Atomics.load(this.#words, slot);
      if (outlierFailures(word) === 0 || startedMs < this.untilMs(slot)) return;
      if (Atomics.compareExchange(this.#words, slot, word, withoutFailures(word)) === word) return;
    }
  }

  /**
   * As `succeeded`, of a try that failed. True: the endpoint is ejected by this. `peers`: the slots of all endpoints of its service,
   * itself among them, of which no more than the policy's share is ejected at once, whoever ejects at the same moment.
   * Endpoints that found no slot are never ejected.
   */
  failed(slot: number, peers: readonly number[], policy: OutlierPolicy, startedMs: number, nowMs: number): boolean {
    if (slot === OVERFLOW_SLOT) return false;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // Before the word: each ejection moves this cell, so that a swap of it fails for who was overtaken by one.
      const until = Atomics.load(this.#until, slot);
      if (startedMs < until * UNIT_MS) return false;
      const word = Atomics.load(this.#words, slot);
      if (!ejectsNext(word, policy)) {
        if (Atomics.compareExchange(this.#words, slot, word, withOneFailure(word)) === word) return false;
        continue;
      }
      const ejection = nextEjection(word, nowMs - until * UNIT_MS, policy);
      const next = Math.ceil((nowMs + ejectionMs(ejection, policy)) / UNIT_MS);
      if (Atomics.compareExchange(this.#until, slot, until, next) !== until) return false;
      // Shown to be ejected before the others are looked at: of two that do this at once, one at least sees the other.
      if (this.#ejected(peers, nowMs) > mostEjected(peers.length, policy)) {
        Atomics.compareExchange(this.#until, slot, next, until);
        return false;
      }
      Atomics.store(this.#words, slot, ejectedWord(ejection));
      return true;
    }
    return false;
  }

  /** How many of these endpoints are ejected. */
  #ejected(slots: readonly number[], nowMs: number): number {
    let ejected = 0;
    for (const slot of slots) if (this.untilMs(slot) > nowMs) ejected++;
    return ejected;
  }

  /** How often in a row the endpoint was ejected when it last was. */
  ejections(slot: number): number {
    return outlierEjections(Atomics.load(this.#words, slot));
  }
}
