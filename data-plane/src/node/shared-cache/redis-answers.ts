import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient, RESP_TYPES } from '@redis/client';
import type { Log } from '@sluice/engine';
import type { AnswerStore, Keeping, Recalled } from './answer-store.ts';

/** Longer than any answer is kept: one whose cell is gone does not count. */
const CELL_MS = 8 * 86_400_000;
const BEAT_MS = 250;
/** Without any answer for this long, while one is due, the connection is given up. */
const DEAD_MS = 2000;
const MAX_PAUSE_MS = 1000;
/** What a script gives as an epoch: a SHA-1 in hexadecimal digits. */
const EPOCH_BYTES = 40;

type Client = ReturnType<typeof makeClient>;

const SCRIPTS = { recall: readScript('recall.lua'), keep: readScript('keep.lua') };

interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * Answers in Redis 7 or newer, on a connection of their own: leases of limits are not to wait behind a mebibyte. Each cell that an answer
 * may be forgotten by has a mark there; the answer is kept with a digest of its marks and of the server's run, and counts while they are
 * the same. To forget is to remove the mark. So a mark that is lost, evicted or restored from an older file costs answers and revives none.
 */
export class RedisAnswers implements AnswerStore {
  onChange: () => void = () => undefined;
  readonly #url: string;
  readonly #prefix: () => string;
  readonly #log: Log;
  readonly #beating: NodeJS.Timeout;
  #client: Client | undefined;
  #run = '';
  #isConnected = false;
  #isClosed = false;
  #pauseMs = 0;
  /** Since when a beat has no answer. */
  #dueSinceMs = Number.POSITIVE_INFINITY;

  /** Connects, and again whenever the connection ends, until `close`. `namespace`: whose answers are shared. */
  constructor(url: string, namespace: () => string, log: Log) {
    this.#url = url;
    this.#prefix = () => `sluice:cache:${createHash('sha256').update(namespace()).digest('base64url').slice(0, 16)}`;
    this.#log = log;
    this.#beating = setInterval(() => void this.#beat(), BEAT_MS);
    void this.#connect();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#beating);
    this.#drop(this.#client);
  }

  async recall(key: string, cells: readonly number[], mostBytes: number): Promise<Recalled> {
    const mark = randomBytes(12).toString('base64url');
    const reply = await this.#evaluate(SCRIPTS.recall, key, cells, [
      this.#run,
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
      this.#run,
      epoch,
      String(forMs),
      String(CELL_MS),
      body,
    ]);
    return reply === 1;
  }

  async forget(cells: readonly number[]): Promise<void> {
    const prefix = this.#prefix();
    await this.#send(['UNLINK', ...cells.map((cell) => `${prefix}:cell:${cell}`)]);
  }

  async remove(key: string): Promise<void> {
    await this.#send(['UNLINK', `${this.#prefix()}:answer:${key}`]);
  }

  async ping(): Promise<void> {
    await this.#send(['PING']);
  }

  async #evaluate(
    script: Script,
    key: string,
    cells: readonly number[],
    args: readonly (string | Buffer)[],
  ): Promise<unknown> {
    const prefix = this.#prefix();
    const keys = [`${prefix}:answer:${key}`, ...cells.map((cell) => `${prefix}:cell:${cell}`)];
    const rest = [String(keys.length), ...keys, ...args];
    return this.#send(['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
      if (!String(error).includes('NOSCRIPT')) throw error;
      return this.#send(['EVAL', script.text, ...rest]);
    });
  }

  #send(args: (string | Buffer)[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !this.#isConnected) return Promise.reject(new Error('the store of answers is away'));
    return client.sendCommand(args, BYTES);
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const client = makeClient(this.#url);
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
    this.#client = client;
    try {
      await client.connect();
      const info = await client.sendCommand<string>(['INFO', 'server']);
      const version = /redis_version:(\d+)/.exec(info)?.[1];
      const run = /run_id:(\w+)/.exec(info)?.[1];
      if (run === undefined || Number(version) < 7) throw new Error('it is no Redis 7 or newer');
      if (this.#client !== client) return;
      this.#run = run;
      this.#pauseMs = 0;
      this.#dueSinceMs = Number.POSITIVE_INFINITY;
      this.#isConnected = true;
      this.onChange();
    } catch (error) {
      this.#log.debug('cannot connect to the store of answers', { error: String(error) });
      this.#drop(client);
    }
  }

  async #beat(): Promise<void> {
    if (!this.#isConnected) return;
    const nowMs = performance.now();
    if (this.#dueSinceMs !== Number.POSITIVE_INFINITY) {
      if (nowMs - this.#dueSinceMs > DEAD_MS) this.#drop(this.#client);
      return;
    }
    this.#dueSinceMs = nowMs;
    await this.ping().catch(() => undefined);
    this.#dueSinceMs = Number.POSITIVE_INFINITY;
  }

  #drop(client: Client | undefined): void {
    if (client === undefined || this.#client !== client) return;
    this.#client = undefined;
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    try {
      client.destroy();
    } catch {
      // It was closed already.
    }
    if (wasConnected) this.onChange();
    if (this.#isClosed) return;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2 + 50);
    setTimeout(() => void this.#connect(), this.#pauseMs * (0.5 + Math.random() / 2)).unref();
  }
}

function isRecalled(reply: unknown): reply is [epoch: Buffer, value: Buffer | null, storeMs: number, damaged: number] {
  if (!Array.isArray(reply)) return false;
  const [epoch, value, storeMs, damaged] = reply as unknown[];
  const isEpoch = Buffer.isBuffer(epoch) && (epoch.length === 0 || epoch.length === EPOCH_BYTES);
  const isValue = value === null || (Buffer.isBuffer(value) && value.length >= EPOCH_BYTES);
  return isEpoch && isValue && typeof storeMs === 'number' && storeMs > 0 && typeof damaged === 'number';
}

const BYTES = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

/** One connection; what cannot be sent at once fails at once. */
function makeClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: false, connectTimeout: DEAD_MS, noDelay: true },
  });
}

function readScript(name: string): Script {
  const text = readFileSync(new URL(name, import.meta.url), 'utf8');
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
