/** Bounds of how many nodes are given snapshots at a time. */
export interface SlotLimits {
  readonly slots: number;
  /** Nodes that wait for a slot; with more, new nodes are told to come back. */
  readonly maxWaiting: number;
  /** A slot goes to the next node after this, however slowly the first one reads: what is bounded is work, not connections. */
  readonly leaseMs: number;
}

/** Admits nodes to snapshots, a few at a time and in the order they asked, so that a fleet that reconnects cannot hold up the rest. */
export class SnapshotSlots {
  readonly #limits: SlotLimits;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Whether a node that may need a snapshot should rather come back later. */
  get overloaded(): boolean {
    return this.#waiting.size >= this.#limits.maxWaiting;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Waits for a slot; the function it resolves to gives it back and may be called twice. Rejects when the signal aborts. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken >= this.#limits.slots) await this.#wait(signal);
    else this.#taken++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      clearTimeout(lease);
      const [next] = this.#waiting;
      // The slot passes to the next in line without becoming free in between.
      if (next === undefined) this.#taken--;
      else next();
    };
    const lease = setTimeout(release, this.#limits.leaseMs);
    lease.unref();
    return release;
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const grant = () => {
      this.#waiting.delete(grant);
      signal.removeEventListener('abort', giveUp);
      resolve();
    };
    const giveUp = () => {
      this.#waiting.delete(grant);
      reject(signal.reason);
    };
    this.#waiting.add(grant);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise;
  }
}
