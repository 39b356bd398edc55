/** How fresh what the node serves is: when the control plane last said that it is current. */
export class Freshness {
  readonly #now: () => number;
  readonly #revision: () => number;
  #confirmedMs: number;
  #diverged = false;
  #connected = false;

  /** @param revision the revision that is active */
  constructor(now: () => number, revision: () => number) {
    this.#now = now;
    this.#revision = revision;
    this.#confirmedMs = now();
  }

  /** The node serves what the control plane has no part in. */
  get diverged(): boolean {
    return this.#diverged;
  }

  /** Since when nobody vouched for what is served; undefined while somebody does. Unix milliseconds. */
  get staleSinceMs(): number | undefined {
    return this.#connected && !this.#diverged ? undefined : this.#confirmedMs;
  }

  /** The control plane names its current revision. */
  confirmed(revision: number, diverged: boolean): void {
    this.#connected = true;
    this.#diverged = diverged;
    if (!diverged && revision === this.#revision()) this.#confirmedMs = this.#now();
  }

  disconnected(): void {
    this.#connected = false;
  }

  /** What was restored was confirmed at this time at the latest. Unix milliseconds. */
  restored(confirmedMs: number): void {
    this.#confirmedMs = confirmedMs;
  }

  ageSeconds(): number {
    return Math.max(0, this.#now() - this.#confirmedMs) / 1000;
  }
}
