/** A bucket as a newcomer would write it: tokens that flow in, in exact arithmetic. */
export class ModelBucket {
  tokens: number;
  lastUs: number;
  readonly #intervalUs: number;
  readonly #burst: number;
  constructor(intervalUs: number, burst: number, nowUs: number) {
    this.#intervalUs = intervalUs;
    this.#burst = burst;
    this.tokens = burst * intervalUs;
    this.lastUs = nowUs;
  }
  charge(nowUs: number, cost: number): boolean {
    this.refill(nowUs);
    if (this.tokens < cost * this.#intervalUs) return false;
    this.tokens -= cost * this.#intervalUs;
    return true;
  }
  refund(nowUs: number, cost: number): void {
    this.refill(nowUs);
    this.tokens = Math.min(this.#burst * this.#intervalUs, this.tokens + cost * this.#intervalUs);
  }
  remaining(): number {
    return Math.floor(this.tokens / this.#intervalUs);
  }
  refill(nowUs: number): void {
    this.tokens = Math.min(this.#burst * this.#intervalUs, this.tokens + nowUs - this.lastUs);
    this.lastUs = nowUs;
  }
}
