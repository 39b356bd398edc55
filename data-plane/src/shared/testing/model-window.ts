import { SUB_WINDOWS, type WindowPlan } from '@sluice/engine';

/** A window as a newcomer would write it: every charge with the sub-window it fell into. */
export class ModelWindow {
  charges: { readonly number: number; readonly cost: number }[] = [];
  readonly #plan: WindowPlan;
  constructor(plan: WindowPlan) {
    this.#plan = plan;
  }
  used(nowUs: number): number {
    const number = Math.floor(nowUs / this.#plan.subUs);
    return this.charges
      .filter((charge) => charge.number >= number - SUB_WINDOWS)
      .reduce((sum, { cost }) => sum + cost, 0);
  }
  charge(nowUs: number, cost: number): boolean {
    if (this.used(nowUs) + cost > this.#plan.requests) return false;
    this.charges.push({ number: Math.floor(nowUs / this.#plan.subUs), cost });
    return true;
  }
  /** The start of the first sub-window that admits `cost`. */
  freeAtUs(nowUs: number, cost: number): number {
    for (let number = Math.floor(nowUs / this.#plan.subUs) + 1; ; number++) {
      const atUs = number * this.#plan.subUs;
      if (this.used(atUs + 1e-3) + cost <= this.#plan.requests) return atUs;
    }
  }
}
