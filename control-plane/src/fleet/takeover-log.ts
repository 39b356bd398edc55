const WINDOW_MS = 60_000;
/** Times kept per node, and nodes kept. */
const MAX_TIMES = 100;
const MAX_NODES = 10_000;

/** How often each node's connection was taken over by another with the same id within the last minute. */
export class TakeoverLog {
  readonly #times = new Map<string, number[]>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(nodeId: string): void {
    const times = this.#recent(nodeId);
    this.#times.delete(nodeId);
    this.#times.set(nodeId, [...times.slice(1 - MAX_TIMES), this.#now()]);
    const [oldest] = this.#times.keys();
    if (this.#times.size > MAX_NODES && oldest !== undefined) this.#times.delete(oldest);
  }

  count(nodeId: string): number {
    return this.#recent(nodeId).length;
  }

  #recent(nodeId: string): number[] {
    const since = this.#now() - WINDOW_MS;
    return (this.#times.get(nodeId) ?? []).filter((time) => time > since);
  }
}
