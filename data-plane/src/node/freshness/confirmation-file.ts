import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@sluice/engine';
import { encodeRecord, readRecords } from '../cache/record-frame.ts';
import type { Positions } from './freshness.ts';
import type { Moment } from './moment.ts';

/** When what a node has was last known to be current. */
export interface Confirmation extends Positions {
  readonly historyId: string;
  readonly at: Moment;
}

const NAME = 'confirmed';

/**
 * The last confirmation, in a file of its own beside the cache, so that a node that starts alone knows how old what it has is. It is not
 * synced: a machine that crashes loses the youngest, and the node then counts as confirmed earlier than it was.
 */
export class ConfirmationFile {
  readonly #directory: string;
  readonly #log: Log;
  #next: Confirmation | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Undefined: there is none that can be read. */
  read(): Confirmation | undefined {
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(this.#directory, NAME));
    } catch {
      return undefined;
    }
    const { records, end } = readRecords(bytes);
    const record = records[0]?.record;
    if (end.kind !== 'complete' || record?.case !== 'confirmation') return undefined;
    const { historyId, revision, factsVersion, wallMs, uptimeMs, bootId } = record.value;
    const at = { wallMs: Number(wallMs), uptimeMs: Number(uptimeMs), bootId };
    return { historyId, revision: Number(revision), factsVersion: Number(factsVersion), at };
  }

  /** Replaces the one before. While one is written the newest waits. */
  write(confirmation: Confirmation): void {
    this.#next = confirmation;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when what was to be written is. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    for (let next = this.#next; next !== undefined; next = this.#next) {
      this.#next = undefined;
      try {
        const path = join(this.#directory, NAME);
        await writeFile(`${path}.tmp`, encode(next), { mode: 0o600 });
        await rename(`${path}.tmp`, path);
        this.#failed = false;
      } catch (error) {
        if (!this.#failed) this.#log.warn('how fresh the cache is cannot be written', { reason: String(error) });
        this.#failed = true;
      }
    }
  }
}

function encode({ historyId, revision, factsVersion, at }: Confirmation): Buffer {
  return encodeRecord({
    case: 'confirmation',
    value: {
      historyId,
      revision: BigInt(revision),
      factsVersion: BigInt(factsVersion),
      wallMs: BigInt(Math.round(at.wallMs)),
      uptimeMs: BigInt(Math.round(at.uptimeMs)),
      bootId: at.bootId,
    },
  });
}
