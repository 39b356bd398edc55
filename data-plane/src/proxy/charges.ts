import type { GcraPlan } from '@sluice/engine';
import { CellKey, type Limiter } from '../shared/index.ts';

interface Charge {
  readonly key: CellKey;
  limitSlot: number;
  plan: GcraPlan;
  cell: number;
  cost: number;
}

const NO_BUCKET: GcraPlan = { intervalUs: 0, capacityUs: 0, slackUs: 0, burst: 0 };

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
      charge = { key: new CellKey(), limitSlot: 0, plan: NO_BUCKET, cell: 0, cost: 0 };
      this.#charges.push(charge);
    }
    return charge.key;
  }

  /** The charge on the key last given was admitted. */
  add(limitSlot: number, plan: GcraPlan, cell: number, cost: number): void {
    const charge = this.#charges[this.#count++] as Charge;
    charge.limitSlot = limitSlot;
    charge.plan = plan;
    charge.cell = cell;
    charge.cost = cost;
  }

  refund(limiter: Limiter): void {
    while (this.#count > 0) {
      const { key, limitSlot, plan, cell, cost } = this.#charges[--this.#count] as Charge;
      limiter.refund(key, limitSlot, plan, cell, cost);
    }
  }
}
