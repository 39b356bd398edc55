import { columnBytes, WINDOW_BUCKET_WORDS, WINDOW_BUCKETS } from './region.ts';

const EPOCH = 0;
const TAG = 1;
const FIRST = 2;
const SECOND = 3;

/**
 * Two counts over a rolling window per slot, one column a worker, each written by its worker alone: ten buckets, a bucket holding the
 * tenth of the window (its epoch) and the tag it counts for. What is of another tag or has left the window counts as zero.
 */
export class RollingColumns {
  readonly #columns: readonly Int32Array<SharedArrayBuffer>[];
  readonly #own: Int32Array<SharedArrayBuffer>;
  /** Sums of the last `sum`. */
  first = 0;
  second = 0;

  constructor(buffer: SharedArrayBuffer, writers: number, writer: number, slots: number) {
    const words = slots * WINDOW_BUCKETS * WINDOW_BUCKET_WORDS;
    const stride = columnBytes(words * 4);
    this.#columns = Array.from({ length: writers }, (_, column) => new Int32Array(buffer, column * stride, words));
    this.#own = this.#columns[writer]!;
  }

  add(slot: number, epoch: number, tag: number, first: number, second: number): void {
    const own = this.#own;
    const at = (slot * WINDOW_BUCKETS + (epoch % WINDOW_BUCKETS)) * WINDOW_BUCKET_WORDS;
    // Epochs are stored from 1: a bucket nobody wrote is of none.
    if (own[at + EPOCH] !== epoch + 1 || own[at + TAG] !== tag) {
      Atomics.store(own, at + EPOCH, 0);
      Atomics.store(own, at + FIRST, 0);
      Atomics.store(own, at + SECOND, 0);
      Atomics.store(own, at + TAG, tag);
      Atomics.store(own, at + EPOCH, epoch + 1);
    }
    if (first !== 0) Atomics.store(own, at + FIRST, own[at + FIRST]! + first);
    if (second !== 0) Atomics.store(own, at + SECOND, own[at + SECOND]! + second);
  }

  /** Adds up the ten buckets that end with `epoch`, over all workers, into `first` and `second`. */
  sum(slot: number, epoch: number, tag: number): void {
    let first = 0;
    let second = 0;
    const start = slot * WINDOW_BUCKETS * WINDOW_BUCKET_WORDS;
    for (const column of this.#columns) {
      for (let bucket = 0; bucket < WINDOW_BUCKETS; bucket++) {
        const at = start + bucket * WINDOW_BUCKET_WORDS;
        const age = epoch + 1 - Atomics.load(column, at + EPOCH);
        // A worker whose clock reading is newer than ours may already be in the next bucket.
        if (age < -1 || age >= WINDOW_BUCKETS || Atomics.load(column, at + TAG) !== tag) continue;
        first += Atomics.load(column, at + FIRST);
        second += Atomics.load(column, at + SECOND);
      }
    }
    this.first = first;
    this.second = second;
  }
}
