const windowMs = 60_000;
/** Times kept per node, and nodes kept. */
const maxTimes = 100;
const maxNodes = 10_000;

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
    this.#times.set(nodeId, [...times.slice(1 - maxTimes), this.#now()]);
    const [oldest] = this.#times.keys();
    if (this.#times.size > maxNodes && oldest !== undefined) this.#times.delete(oldest);
  }

  count(nodeId: string): number {
    return this.#recent(nodeId).length;
  }

  #recent(nodeId: string): number[] {
    const since = this.#now() - windowMs;
    return (this.#times.get(nodeId) ?? []).filter((time) => time > since);
  }
}
