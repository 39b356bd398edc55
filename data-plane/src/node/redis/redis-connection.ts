import { createClient, RESP_TYPES } from '@redis/client';
import type { RedisScript } from './redis-script.ts';

/** Without any answer for this long, while one is due, a connection is given up; it is for its users to notice. */
export const REDIS_DEAD_MS = 2000;
const MAX_PAUSE_MS = 1000;

type Client = ReturnType<typeof makeClient>;

export interface RedisConnectionOptions {
  /** `redis://[USER:PASSWORD@]HOST:PORT[/DB]`, or `rediss://`. */
  readonly url: string;
  /** What an answer holds where Redis says a text. Unset: texts. */
  readonly answers?: 'buffers';
  readonly onConnected: () => void;
  /** It is gone, or could not be made; it is tried again by itself. */
  readonly onLost: (reason: string, wasConnected: boolean) => void;
}

/** One connection to a Redis 7 or newer, made again whenever it ends. What cannot be sent at once fails at once. */
export class RedisConnection {
  readonly #options: RedisConnectionOptions;
  readonly #replies: { readonly typeMapping: typeof BUFFERS } | undefined;
  #client: Client | undefined;
  #run = '';
  #runAgeMs = 0;
  #isConnected = false;
  #isClosed = false;
  #pauseMs = 0;

  constructor(options: RedisConnectionOptions) {
    this.#options = options;
    this.#replies = options.answers === undefined ? undefined : { typeMapping: BUFFERS };
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Of the server that is connected, or was last: another after each of its starts. */
  get run(): string {
    return this.#run;
  }

  /** How long that server ran when it was connected to. */
  get runAgeMs(): number {
    return this.#runAgeMs;
  }

  /** Connects, and again whenever the connection ends, until `close`. */
  start(): void {
    void this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.giveUp('closed');
  }

  /** Ends the connection as it is; another follows. */
  giveUp(reason: string): void {
    this.#drop(this.#client, reason);
  }

  /** Rejects while there is no connection, and when it ends before the answer. */
  send(args: readonly (string | Buffer)[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !this.#isConnected) return Promise.reject(new Error('Redis is away'));
    return client.sendCommand([...args], this.#replies);
  }

  /** Runs a script, which the server is told whole where it does not know it yet. */
  evaluate(script: RedisScript, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    return this.send(['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
      if (!String(error).includes('NOSCRIPT')) throw error;
      return this.send(['EVAL', script.text, ...rest]);
    });
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const client = makeClient(this.#options.url);
    client.on('error', (error: unknown) => this.#drop(client, String(error)));
    client.on('end', () => this.#drop(client, 'the connection ended'));
    this.#client = client;
    try {
      await client.connect();
      const info = await client.sendCommand<string>(['INFO', 'server']);
      const version = /redis_version:(\d+)/.exec(info)?.[1];
      const run = /run_id:(\w+)/.exec(info)?.[1];
      const age = /uptime_in_seconds:(\d+)/.exec(info)?.[1];
      if (run === undefined || Number(version) < 7) throw new Error('it is no Redis 7 or newer');
      if (this.#client !== client) return;
      this.#run = run;
      this.#runAgeMs = Number(age ?? 0) * 1000;
      this.#pauseMs = 0;
      this.#isConnected = true;
    } catch (error) {
      this.#drop(client, String(error));
      return;
    }
    this.#options.onConnected();
  }

  #drop(client: Client | undefined, reason: string): void {
    if (client === undefined || this.#client !== client) return;
    this.#client = undefined;
    const wasConnected = this.#isConnected;
    this.#isConnected = false;
    try {
      client.destroy();
    } catch {
      // It was closed already.
    }
    this.#options.onLost(reason, wasConnected);
    if (this.#isClosed) return;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2 + 50);
    setTimeout(() => void this.#connect(), this.#pauseMs * (0.5 + Math.random() / 2)).unref();
  }
}

const BUFFERS = { [RESP_TYPES.BLOB_STRING]: Buffer };

function makeClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    socket: { reconnectStrategy: false, connectTimeout: REDIS_DEAD_MS, noDelay: true },
  });
}
