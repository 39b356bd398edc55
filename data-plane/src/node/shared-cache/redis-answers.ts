import { createHash, randomBytes } from 'node:crypto';
import type { Log } from '@sluice/engine';
import { REDIS_DEAD_MS, RedisConnection } from '../redis/redis-connection.ts';
import { type RedisScript, readScript } from '../redis/redis-script.ts';
import type { AnswerStore, Keeping, Recalled } from './answer-store.ts';

/** Longer than any answer is kept: one whose cell is gone does not count. */
const CELL_MS = 8 * 86_400_000;
const BEAT_MS = 250;
/** What a script gives as an epoch: a SHA-1 in hexadecimal digits. */
const EPOCH_BYTES = 40;

const SCRIPTS = {
  recall: readScript(new URL('recall.lua', import.meta.url)),
  keep: readScript(new URL('keep.lua', import.meta.url)),
};

/**
 * Answers in Redis 7 or newer, on a connection of their own: leases of limits are not to wait behind a mebibyte. Each cell that an answer
 * may be forgotten by has a mark there; the answer is kept with a digest of its marks and of the server's run, and counts while they are
 * the same. To forget is to remove the mark. So a mark that is lost, evicted or restored from an older file costs answers and revives none.
 */
export class RedisAnswers implements AnswerStore {
  onChange: () => void = () => undefined;
  readonly #redis: RedisConnection;
  readonly #prefix: () => string;
  readonly #beating: NodeJS.Timeout;
  /** Since when a beat has no answer. */
  #dueSinceMs = Number.POSITIVE_INFINITY;

  /** Connects, and again whenever the connection ends, until `close`. `namespace`: whose answers are shared. */
  constructor(url: string, namespace: () => string, log: Log) {
    this.#prefix = () => `sluice:cache:${createHash('sha256').update(namespace()).digest('base64url').slice(0, 16)}`;
    this.#redis = new RedisConnection({
      url,
      answers: 'buffers',
      onConnected: () => {
        this.#dueSinceMs = Number.POSITIVE_INFINITY;
        this.onChange();
      },
      onLost: (reason, wasConnected) => {
        if (wasConnected) this.onChange();
        else log.debug('cannot connect to the store of answers', { error: reason });
      },
    });
    this.#beating = setInterval(() => void this.#beat(), BEAT_MS);
    this.#redis.start();
  }

  get isConnected(): boolean {
    return this.#redis.isConnected;
  }

  close(): void {
    clearInterval(this.#beating);
    this.#redis.close();
  }

  async recall(key: string, cells: readonly number[], mostBytes: number): Promise<Recalled> {
    const mark = randomBytes(12).toString('base64url');
    const reply = await this.#evaluate(SCRIPTS.recall, key, cells, [
      this.#redis.run,
      mark,
      String(CELL_MS),
      String(mostBytes),
    ]);
    if (!isRecalled(reply)) throw new Error('not an answer to the question');
    const [epoch, value, storeMs, damaged] = reply;
    const bytes = value === null ? undefined : new Uint8Array(value.subarray(EPOCH_BYTES));
    return { epoch: epoch.toString('latin1'), bytes, storeMs, wasDamaged: damaged === 1 };
  }

  async keep({ key, cells, epoch, forMs, bytes }: Keeping): Promise<boolean> {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reply = await this.#evaluate(SCRIPTS.keep, key, cells, [
      this.#redis.run,
      epoch,
      String(forMs),
      String(CELL_MS),
      body,
    ]);
    return reply === 1;
  }

  async forget(cells: readonly number[]): Promise<void> {
    const prefix = this.#prefix();
    await this.#redis.send(['UNLINK', ...cells.map((cell) => `${prefix}:cell:${cell}`)]);
  }

  async remove(key: string): Promise<void> {
    await this.#redis.send(['UNLINK', `${this.#prefix()}:answer:${key}`]);
  }

  async ping(): Promise<void> {
    await this.#redis.send(['PING']);
  }

  #evaluate(
    script: RedisScript,
    key: string,
    cells: readonly number[],
    args: readonly (string | Buffer)[],
  ): Promise<unknown> {
    const prefix = this.#prefix();
    const keys = [`${prefix}:answer:${key}`, ...cells.map((cell) => `${prefix}:cell:${cell}`)];
    return this.#redis.evaluate(script, keys, args);
  }

  async #beat(): Promise<void> {
    if (!this.#redis.isConnected) return;
    const nowMs = performance.now();
    if (this.#dueSinceMs !== Number.POSITIVE_INFINITY) {
      if (nowMs - this.#dueSinceMs > REDIS_DEAD_MS) this.#redis.giveUp('no answer');
      return;
    }
    this.#dueSinceMs = nowMs;
    await this.ping().catch(() => undefined);
    this.#dueSinceMs = Number.POSITIVE_INFINITY;
  }
}

function isRecalled(reply: unknown): reply is [epoch: Buffer, value: Buffer | null, storeMs: number, damaged: number] {
  if (!Array.isArray(reply)) return false;
  const [epoch, value, storeMs, damaged] = reply as unknown[];
  const isEpoch = Buffer.isBuffer(epoch) && (epoch.length === 0 || epoch.length === EPOCH_BYTES);
  const isValue = value === null || (Buffer.isBuffer(value) && value.length >= EPOCH_BYTES);
  return isEpoch && isValue && typeof storeMs === 'number' && storeMs > 0 && typeof damaged === 'number';
}
