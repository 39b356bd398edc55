import type { Log } from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';
import { LinePump, linesOf } from '../line-pump.ts';
import type { LogTarget } from './log-target.ts';

/** Written at once. */
const BATCH_BYTES = 1 << 16;

/** Writes the access log's lines. Those that the target refuses are dropped and counted. */
export class AccessLog {
  readonly #pump: LinePump;
  readonly #target: LogTarget;
  /** Lines, since the start. */
  written = 0;

  constructor({ region, metrics }: Shared, target: LogTarget, log: Log) {
    this.#target = target;
    this.#pump = new LinePump({
      rings: region.accessLog,
      batchBytes: BATCH_BYTES,
      write: async (lines) => {
        await target.write(lines);
        this.written += linesOf(lines);
      },
      onLost: (count, error, isFirst) => {
        metrics.overflow('access_log', count);
        if (isFirst) log.warn('access logs cannot be written', { reason: String(error) });
      },
    });
  }

  /** Writes what there is, as far as the target takes it within a second. */
  async close(): Promise<void> {
    await this.#pump.close();
    await this.#target.close();
  }
}
