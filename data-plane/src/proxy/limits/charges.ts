import type { BucketPlan } from '@sluice/engine';
import { CellKey, type Shared } from '../../shared/index.ts';

interface Charge {
  readonly key: CellKey;
  bucket: BucketPlan;
  /** Of the cluster. */
  leased: boolean;
  cell: number;
  cost: number;
}

const NO_BUCKET: BucketPlan = {
  id: '',
  slot: 0,
  requests: 0,
  perMs: 0,
  algorithm: 'tokenBucket',
  gcra: { intervalUs: 0, capacityUs: 0, slackUs: 0, burst: 0 },
};

/** What limits charged for one request, so that it can be given back when a later one refuses. Reusable. */
export class Charges {
  readonly #charges: Charge[] = [];
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  /** The key to fill for the next charge. */
  nextKey(): CellKey {
    let charge = this.#charges[this.#count];
    if (charge === undefined) {
      charge = { key: new CellKey(), bucket: NO_BUCKET, leased: false, cell: 0, cost: 0 };
      this.#charges.push(charge);
    }
    return charge.key;
  }

  /** The charge on the key last given was admitted. */
  add(bucket: BucketPlan, leased: boolean, cell: number, cost: number): void {
    const charge = this.#charges[this.#count++] as Charge;
    charge.leased = leased;
    charge.bucket = bucket;
    charge.cell = cell;
    charge.cost = cost;
  }

  /** `nowUs` is the time of the charges. */
  refund({ limiter, slidingWindows, leases }: Shared, nowUs: number): void {
    while (this.#count > 0) {
      const { key, bucket, leased, cell, cost } = this.#charges[--this.#count] as Charge;
      if (leased) leases.refund(key, cell, cost);
      else if (bucket.algorithm === 'tokenBucket') limiter.refund(key, bucket.slot, bucket.gcra, cell, cost);
      else slidingWindows.refund(key, bucket.slot, bucket.window, cell, nowUs, cost);
    }
  }
}
