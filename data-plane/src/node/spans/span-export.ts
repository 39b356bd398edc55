import type { Log } from '@sluice/engine';
import type { Shared } from '../../shared/index.ts';
import { LinePump } from '../line-pump.ts';
import type { SpanTarget } from './otlp-target.ts';

/** Read and exported at once: some hundred spans. */
const BATCH_BYTES = 1 << 17;

/** Exports the spans of traced requests. Requests whose spans the target does not take are dropped and counted. */
export class SpanExport {
  readonly #pump: LinePump;
  readonly #target: SpanTarget;
  /** Spans, since the start. */
  exported = 0;

  constructor({ region, metrics }: Shared, target: SpanTarget, log: Log) {
    this.#target = target;
    this.#pump = new LinePump({
      rings: region.spans,
      batchBytes: BATCH_BYTES,
      write: async (lines) => {
        this.exported += await target.send(lines);
      },
      onLost: (count, error, isFirst) => {
        metrics.overflow('spans', count);
        if (isFirst) log.warn('spans cannot be exported', { reason: String(error) });
      },
    });
  }

  /** Exports what there is, as far as it is taken within a second. */
  async close(): Promise<void> {
    await this.#pump.close();
    this.#target.close();
  }
}
