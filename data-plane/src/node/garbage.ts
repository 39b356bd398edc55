import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Left behind by that much, memory is collected: some thirty times in a snapshot of a million keys, never in one that is small. */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;

let collect: ((options: { type: 'major'; execution: 'sync' }) => void) | undefined;

/**
 * Bytes that were worked through once, each of which leaves several times its size of garbage. A node that takes a hundred megabytes and is then
 * idle would keep that for good: the engine collects when a program makes more, and what the allocator got back late it has no use for.
 */
export class Garbage {
  #bytes = 0;
  #total = 0;

  /** Collects now and then. */
  add(bytes: number): void {
    this.#bytes += bytes;
    this.#total += bytes;
    if (this.#bytes >= COLLECT_EVERY_BYTES) this.#collect();
  }

  /** All is done. */
  end(): void {
    if (this.#total >= COLLECT_EVERY_BYTES) this.#collect();
    this.#total = 0;
  }

  #collect(): void {
    this.#bytes = 0;
    if (collect === undefined) {
      setFlagsFromString('--expose-gc');
      collect = runInNewContext('gc') as typeof collect;
      setFlagsFromString('--no-expose-gc');
    }
    collect!({ type: 'major', execution: 'sync' });
  }
}
