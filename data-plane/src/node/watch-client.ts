import { SyncService } from '@sluice/proto';
import { createGrpcClient, type GrpcClient, toRpcError } from '@sluice/proto/grpc-client';
import { decodeWatchResponse } from './partly-decoded.ts';
import { type Ending, type StreamOptions, WatchStream } from './watch-stream.ts';

export interface WatchOptions extends StreamOptions {
  /** Addresses of control planes that share a database. */
  readonly controlPlanes: readonly string[];
  readonly token: string | undefined;
  readonly onDisconnect: () => void;
  readonly random?: () => number;
}

const BACKOFF_BASE_MS = 200;
const BACKOFF_MAX_MS = 5_000;
/** A control plane is not listened to when it asks for more patience than this. */
const RETRY_AFTER_MAX_MS = 30_000;
/** A connection that is not made in this time is tried anew. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * The stream to a control plane: always open, or about to be opened again, at the next of several. The node serves whether it
 * is or not.
 */
export class WatchClient {
  readonly #options: WatchOptions;
  readonly #clients: readonly GrpcClient<typeof SyncService>[];
  /** Which control plane the node is at, or tries. */
  #at = 0;
  #stream: WatchStream | undefined;
  #failures = 0;
  #closed = false;
  #sleep: { readonly timer: NodeJS.Timeout; readonly wake: () => void } | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#clients = options.controlPlanes.map((address) =>
      createGrpcClient(SyncService, address, {
        ...(options.token === undefined ? {} : { token: options.token }),
        decoders: { watch: decodeWatchResponse },
        channelOptions: {
          'grpc.keepalive_time_ms': 5_000,
          'grpc.keepalive_timeout_ms': 3_000,
          'grpc.initial_reconnect_backoff_ms': BACKOFF_BASE_MS,
          'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
        },
      }),
    );
  }

  get connected(): boolean {
    return this.#stream?.welcomed ?? false;
  }

  /** Runs until {@link close}. */
  async run(): Promise<void> {
    while (!this.#closed) {
      const { reason, retryAfterMs = 0 } = await this.#runOnce();
      if (this.#closed) return;
      const waitMs = Math.max(this.#backoffMs(), this.#spread(Math.min(retryAfterMs, RETRY_AFTER_MAX_MS)));
      if (this.#failures === 1 || this.#failures % 20 === 0) {
        this.#options.log.warn('no control plane, serving what is active', {
          address: this.#options.controlPlanes[this.#at],
          reason,
          tryAgainInMs: Math.round(waitMs),
        });
      }
      this.#at = (this.#at + 1) % this.#clients.length;
      await this.#wait(waitMs);
    }
  }

  /** Tells the control plane how the node stands, where there is a stream. */
  sendStatus(): void {
    this.#stream?.sendStatus();
  }

  close(): void {
    this.#closed = true;
    this.#stream?.end({ reason: 'closed' });
    if (this.#sleep !== undefined) {
      clearTimeout(this.#sleep.timer);
      this.#sleep.wake();
    }
    for (const client of this.#clients) client.close();
  }

  async #runOnce(): Promise<Ending> {
    this.#failures++;
    const client = this.#clients[this.#at]!;
    try {
      await client.waitForReady(CONNECT_TIMEOUT_MS);
    } catch (error) {
      return { reason: toRpcError(error).message };
    }
    if (this.#closed) return { reason: 'closed' };
    this.#stream = new WatchStream(client, this.#options, () => {
      this.#failures = 0;
    });
    const ending = await this.#stream.ended;
    this.#stream = undefined;
    this.#options.onDisconnect();
    return ending;
  }

  /** Exponential with full jitter over its upper half, so that a fleet does not come back at once. */
  #backoffMs(): number {
    const most = Math.min(BACKOFF_BASE_MS * 2 ** Math.min(this.#failures, 10), BACKOFF_MAX_MS);
    return most * (0.5 + 0.5 * this.#random());
  }

  /** At least what was asked for: many nodes may have been told the same. */
  #spread(ms: number): number {
    return ms * (1 + 0.25 * this.#random());
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#sleep = { timer, wake: resolve };
    });
  }
}
