import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Left behind by that much, what is young is collected: a millisecond or two. */
const SWEEP_EVERY_BYTES = 256 * 1024;
/** Left behind by that much, everything is collected: some ten milliseconds, half a dozen times in a snapshot of a million keys. */
const COLLECT_EVERY_BYTES = 16 * 1024 * 1024;
/** From so much on everything is collected at the end. */
const COLLECT_FROM_BYTES = 4 * 1024 * 1024;

let collect: ((options: { type: 'major' | 'minor'; execution: 'sync' }) => void) | undefined;

/**
 * Bytes that were worked through once, each of which leaves several times its size of garbage: buffers mostly, whose size the engine hardly
 * sees. It would collect them late, and what the allocator got back late it keeps for good in a node that is then idle.
 */
export class Garbage {
  #young = 0;
  #bytes = 0;
  #total = 0;

  /** Collects now and then. Nothing should hold what was worked through any more. */
  add(bytes: number): void {
    this.#young += bytes;
    this.#bytes += bytes;
    this.#total += bytes;
    if (this.#bytes >= COLLECT_EVERY_BYTES) this.#collect('major');
    else if (this.#young >= SWEEP_EVERY_BYTES) this.#collect('minor');
  }

  /** All is done. */
  end(): void {
    if (this.#total >= COLLECT_FROM_BYTES) this.#collect('major');
    this.#total = 0;
  }

  #collect(type: 'major' | 'minor'): void {
    this.#young = 0;
    if (type === 'major') this.#bytes = 0;
    if (collect === undefined) {
      setFlagsFromString('--expose-gc');
      collect = runInNewContext('gc') as typeof collect;
      setFlagsFromString('--no-expose-gc');
    }
    collect!({ type, execution: 'sync' });
  }
}
