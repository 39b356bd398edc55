import type { Log } from '@sluice/engine';
import { LineRing, type Shared } from '../../shared/index.ts';
import type { LogTarget } from './log-target.ts';

const TICK_MS = 50;
/** Written at once. */
const BATCH_BYTES = 1 << 16;
/** At the end of the process the target has this long to take what is left. */
const CLOSE_MS = 1000;
const LINE_FEED = 0x0a;

/**
 * Writes the lines that workers put into their rings, in the main thread. While a write is under way nothing is taken: a target that
 * is slow fills the rings, and what finds no room there is dropped and counted where it is made. Lines that a target refuses are
 * dropped and counted here.
 */
export class AccessLog {
  readonly #shared: Shared;
  readonly #rings: readonly LineRing[];
  readonly #target: LogTarget;
  readonly #log: Log;
  readonly #ticking: NodeJS.Timeout;
  #writing: Promise<void> | undefined;
  #next = 0;
  #isFailing = false;
  #abandoned = false;
  /** Since the start. */
  written = 0;

  constructor(shared: Shared, target: LogTarget, log: Log) {
    this.#shared = shared;
    this.#rings = shared.region.accessLog.map((ring) => new LineRing(ring));
    this.#target = target;
    this.#log = log;
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Writes what there is, as far as the target takes it within a second. */
  async close(): Promise<void> {
    clearInterval(this.#ticking);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([this.#writeRest(), late]);
    clearTimeout(timer);
    this.#abandoned = true;
    await this.#target.close();
  }

  async #writeRest(): Promise<void> {
    await this.#writing;
    this.#tick();
    await this.#writing;
  }

  #tick(): void {
    if (this.#writing !== undefined) return;
    const first = this.#take();
    if (first === undefined) return;
    this.#writing = this.#writeAll(first).finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeAll(first: Buffer): Promise<void> {
    for (let lines: Buffer | undefined = first; lines !== undefined; lines = this.#take()) {
      const count = linesOf(lines);
      try {
        await this.#target.write(lines);
        this.written += count;
        this.#isFailing = false;
      } catch (error) {
        this.#shared.metrics.overflow('access_log', count);
        if (!this.#isFailing) this.#log.warn('access logs cannot be written', { reason: String(error) });
        this.#isFailing = true;
      }
    }
  }

  /** Of each worker in turn. */
  #take(): Buffer | undefined {
    if (this.#abandoned) return undefined;
    for (let tried = 0; tried < this.#rings.length; tried++) {
      const lines = this.#rings[this.#next++ % this.#rings.length]!.take(BATCH_BYTES);
      if (lines !== undefined) return lines;
    }
    return undefined;
  }
}

function linesOf(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}
