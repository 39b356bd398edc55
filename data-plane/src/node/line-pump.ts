import { LineRing } from '../shared/index.ts';

const TICK_MS = 50;
/** At the end of the process what takes the lines has this long for what is left. */
const CLOSE_MS = 1000;
const LINE_FEED = 0x0a;

export interface LinePumpOptions {
  /** One of each writer. */
  readonly rings: readonly SharedArrayBuffer[];
  /** Taken at once, at most. */
  readonly batchBytes: number;
  /** Resolves when they are taken, rejects where they are lost. */
  readonly write: (lines: Buffer) => Promise<void>;
  /** So many lines were lost. `isFirst`: those before were not. */
  readonly onLost: (count: number, error: unknown, isFirst: boolean) => void;
}

/**
 * Takes the lines that workers put into their rings, in the main thread, and hands them on, one batch at a time. While one is under way
 * nothing is taken: where that is slow the rings fill, and what finds no room there is dropped and counted where it is made.
 */
export class LinePump {
  readonly #rings: readonly LineRing[];
  readonly #options: LinePumpOptions;
  readonly #ticking: NodeJS.Timeout;
  #writing: Promise<void> | undefined;
  #next = 0;
  #isFailing = false;
  #abandoned = false;

  constructor(options: LinePumpOptions) {
    this.#options = options;
    this.#rings = options.rings.map((ring) => new LineRing(ring));
    this.#ticking = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Hands on what there is, as far as it is taken within a second. */
  async close(): Promise<void> {
    clearInterval(this.#ticking);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CLOSE_MS);
    await Promise.race([this.#writeRest(), late]);
    clearTimeout(timer);
    this.#abandoned = true;
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
    const { write, onLost } = this.#options;
    for (let lines: Buffer | undefined = first; lines !== undefined; lines = this.#take()) {
      try {
        await write(lines);
        this.#isFailing = false;
      } catch (error) {
        onLost(linesOf(lines), error, !this.#isFailing);
        this.#isFailing = true;
      }
    }
  }

  /** Of each worker in turn. */
  #take(): Buffer | undefined {
    if (this.#abandoned) return undefined;
    for (let tried = 0; tried < this.#rings.length; tried++) {
      const lines = this.#rings[this.#next++ % this.#rings.length]!.take(this.#options.batchBytes);
      if (lines !== undefined) return lines;
    }
    return undefined;
  }
}

/** How many lines these are. */
export function linesOf(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count++;
  return count;
}
