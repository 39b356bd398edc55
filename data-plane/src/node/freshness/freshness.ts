/** Where both tracks stand. */
export interface Positions {
  readonly revision: number;
  readonly factsVersion: number;
}

/**
 * How fresh what the node serves is: when the control plane last said that all of it, config and facts, is current. A position that
 * it names before the node is there counts from when it was named, once it is active.
 */
export class Freshness {
  /** Called whenever it was confirmed anew. */
  onConfirmed: () => void = () => undefined;
  /** Called when nobody may vouch for it any longer. */
  onDisconnected: () => void = () => undefined;
  readonly #steadyMs: () => number;
  readonly #active: () => Positions;
  /** Milliseconds of the steady clock. */
  #confirmedMs: number;
  /** The first that was named current and is not active yet; others are not looked at meanwhile. */
  #awaited: { readonly positions: Positions; readonly namedMs: number } | undefined;
  #diverged = false;
  #connected = false;

  /** @param steadyMs see `createSteadyClock`. @param active what is active in all workers */
  constructor(steadyMs: () => number, active: () => Positions) {
    this.#steadyMs = steadyMs;
    this.#active = active;
    this.#confirmedMs = steadyMs();
  }

  /** The node serves what the control plane has no part in. */
  get diverged(): boolean {
    return this.#diverged;
  }

  /** Nobody vouches for what is served. */
  get isStale(): boolean {
    return !this.#connected || this.#diverged;
  }

  /** Since it was confirmed last. */
  get ageMs(): number {
    return Math.max(0, this.#steadyMs() - this.#confirmedMs);
  }

  /** A stream begins: what an earlier one named means nothing here. */
  welcomed(current: Positions, diverged: boolean): void {
    this.#awaited = undefined;
    this.named(current, diverged);
  }

  /** The control plane names what is current. */
  named(current: Positions, diverged: boolean): void {
    this.#connected = true;
    this.#diverged = diverged;
    if (diverged) this.#awaited = undefined;
    else {
      this.#awaited ??= { positions: current, namedMs: this.#steadyMs() };
      this.#confirm();
    }
  }

  /** An update is active, which none is for a node that diverges. */
  applied(): void {
    this.#diverged = false;
    this.#confirm();
  }

  disconnected(): void {
    this.#connected = false;
    this.#awaited = undefined;
    this.onDisconnected();
  }

  /** What was restored was confirmed so long ago. */
  restored(ageMs: number): void {
    this.#confirmedMs = this.#steadyMs() - ageMs;
  }

  #confirm(): void {
    if (this.#awaited === undefined) return;
    const { positions, namedMs } = this.#awaited;
    const { revision, factsVersion } = this.#active();
    if (revision < positions.revision || factsVersion < positions.factsVersion) return;
    this.#awaited = undefined;
    this.#confirmedMs = namedMs;
    this.onConfirmed();
  }
}
