import { chargeGcra, type GcraPlan, gcraPlan } from '@sluice/engine';
import type { LeasedKey } from './leased-key.ts';

/**
 * A node's share of a bucket, for while the store is away: the limit divided by the nodes last seen, rounded down, so that all nodes
 * together add at most the limit. Of a sliding window half the share may come at once, and the other half flows in over its time.
 */
export class LocalShare {
  readonly #bucket: LeasedKey;
  #nodes = 0;
  #plan: GcraPlan | undefined;
  #tatUs = 0;

  constructor(bucket: LeasedKey) {
    this.#bucket = bucket;
  }

  /** Up to `wanted` tokens, and until when there are no more. */
  take(wanted: number, nodes: number, nowMs: number): { readonly tokens: number; readonly waitMs: number } {
    const plan = this.#planFor(nodes);
    if (plan === undefined) return { tokens: 0, waitMs: 1000 };
    const nowUs = nowMs * 1000;
    let tokens = 0;
    for (; tokens < wanted; tokens++) {
      const next = chargeGcra(this.#tatUs, nowUs, plan, 1);
      if (next < 0)
        return {
          tokens,
          waitMs: Math.max(1, Math.ceil((this.#tatUs + plan.intervalUs - plan.capacityUs - nowUs) / 1000)),
        };
      this.#tatUs = next;
    }
    return { tokens, waitMs: 0 };
  }

  /** It is not full again. */
  inUse(nowMs: number): boolean {
    return this.#tatUs > nowMs * 1000;
  }

  #planFor(nodes: number): GcraPlan | undefined {
    if (nodes === this.#nodes) return this.#plan;
    this.#nodes = nodes;
    const { algorithm, requests, perMs, burst } = this.#bucket;
    const share = requests / nodes;
    if (algorithm === 'tokenBucket') {
      const size = Math.floor(burst / nodes);
      this.#plan = size < 1 ? undefined : gcraPlan(share, perMs, size);
    } else {
      const whole = Math.floor(share);
      const atOnce = Math.max(1, Math.floor(whole / 2));
      this.#plan = whole < 1 ? undefined : gcraPlan(Math.max(1, whole - atOnce), perMs, atOnce);
    }
    return this.#plan;
  }
}
