import type { Log } from '@sluice/engine';
import type { Cleaned, Store } from './store/store.ts';

export interface HousekeepingOptions {
  readonly store: Pick<Store, 'clean'>;
  readonly log: Log;
  /** Takes away facts that are over. Rejects while the database is away. */
  readonly forgetFacts?: () => Promise<unknown>;
  /** Between two rounds. Default 10 min. */
  readonly intervalMs?: number;
  /** Rows removed of each table in one statement. Default 500. */
  readonly limit?: number;
  readonly now?: () => Date;
}

/** How long things are kept after they were last needed. */
export const keptMs = {
  /** Answers to retries, beyond when they expire. */
  answers: 0,
  /** Commands that replicas give each other: far longer than one takes. */
  commands: 10 * 60 * 1000,
  /** The audit. */
  audit: 90 * 24 * 3600 * 1000,
  /** Nodes that are not connected, since they were last seen. */
  nodes: 7 * 24 * 3600 * 1000,
} as const;

const DEFAULT_INTERVAL_MS = 10 * 60 * 1000;
/** Statements in one round, so that a backlog is worked off without holding up the rest. */
const MAX_STATEMENTS = 50;

/** Removes from the database what is no longer needed, a little at a time, until it is closed. Each replica does. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.run(), options.intervalMs ?? DEFAULT_INTERVAL_MS);
    this.#timer.unref();
  }

  /** One round. While the database is away it does nothing; the next will. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#round());
    return this.#running;
  }

  /** Waits for the statement that runs. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  async #round(): Promise<void> {
    const { store, log, limit = 500, now = () => new Date() } = this.#options;
    const ms = now().getTime();
    const before = {
      answers: new Date(ms - keptMs.answers),
      commands: new Date(ms - keptMs.commands),
      audit: new Date(ms - keptMs.audit),
      nodes: new Date(ms - keptMs.nodes),
    };
    const total: Record<keyof Cleaned, number> = { answers: 0, commands: 0, audit: 0, nodes: 0 };
    try {
      await this.#options.forgetFacts?.();
      for (let statements = 0; statements < MAX_STATEMENTS && !this.#closed; statements++) {
        const cleaned = await store.clean(before, limit);
        for (const table of Object.keys(total) as (keyof Cleaned)[]) total[table] += cleaned[table];
        if (Object.values(cleaned).every((rows) => rows < limit)) break;
      }
    } catch (error) {
      log.debug('the database could not be cleaned', { reason: String(error) });
    }
    if (Object.values(total).some((rows) => rows > 0)) log.info('what is no longer needed was removed', total);
  }
}
