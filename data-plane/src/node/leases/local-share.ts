import type { LeasedKey } from './leased-key.ts';

/**
 * A node's share of a bucket, for while the store is away: the limit divided by the nodes last seen, rounded down, so that all nodes
 * together add at most the limit. Of a sliding window half the share may come at once, and the other half flows in over its time.
 *
 * As in the store, tokens that were given and not spent yet count against the bucket: it fills no further than they leave room.
 */
export class LocalShare {
  readonly #bucket: LeasedKey;
  #nodes = 0;
  #size = 0;
  #perMs = 0;
  #level = 0;
  #given = 0;
  /** Undefined: nothing was taken yet, and it is full. */
  #atMs: number | undefined = undefined;

  constructor(bucket: LeasedKey) {
    this.#bucket = bucket;
  }

  /** Up to `wanted` tokens, and until when there are no more. `held`: those of earlier ones that are not spent yet. */
  take(
    wanted: number,
    held: number,
    nodes: number,
    nowMs: number,
  ): { readonly tokens: number; readonly waitMs: number } {
    this.#divide(nodes);
    if (this.#size < 1) return { tokens: 0, waitMs: 1000 };
    const room = Math.max(0, this.#size - this.#given);
    const flowedIn = this.#atMs === undefined ? this.#size : (nowMs - this.#atMs) * this.#perMs;
    this.#level = Math.min(room, this.#level + flowedIn);
    this.#atMs = nowMs;
    const tokens = Math.min(wanted, Math.floor(this.#level + 1e-9));
    this.#level -= tokens;
    this.#given = held + tokens;
    const waitMs = tokens === wanted ? 0 : Math.max(1, Math.ceil((1 - (this.#level % 1)) / this.#perMs));
    return { tokens, waitMs };
  }

  /** It is not full again. */
  inUse(nowMs: number): boolean {
    return this.#atMs !== undefined && this.#level + (nowMs - this.#atMs) * this.#perMs < this.#size;
  }

  #divide(nodes: number): void {
    if (nodes === this.#nodes) return;
    this.#nodes = nodes;
    const { algorithm, requests, perMs, burst } = this.#bucket;
    if (algorithm === 'tokenBucket') {
      this.#size = Math.floor(burst / nodes);
      this.#perMs = requests / nodes / perMs;
    } else {
      const share = Math.floor(requests / nodes);
      this.#size = Math.ceil(share / 2);
      // Of a share of one the next may come when the window is over.
      this.#perMs = Math.max(1, share - this.#size) / perMs;
    }
  }
}
