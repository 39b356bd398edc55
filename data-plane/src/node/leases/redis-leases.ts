import type { Log } from '@sluice/engine';
import { REDIS_DEAD_MS, RedisConnection } from '../redis/redis-connection.ts';
import { type RedisScript, readScript } from '../redis/redis-script.ts';
import { LEASE_MS, type LeaseAnswer, type LeasedBucket, type LeaseReport, type LeaseStore } from './lease-store.ts';

/** Nodes that called within this share the limits. */
const NODE_SEEN_MS = 10_000;
const HEARTBEAT_MS = 250;
/** Without any answer for this long, while one is due, the store is away. */
const AWAY_MS = 500;

const SCRIPTS = {
  lease: readScript(new URL('lease.lua', import.meta.url)),
  nodes: readScript(new URL('nodes.lua', import.meta.url)),
};

/**
 * Leases in Redis 7 or newer, by scripts that each act on one bucket. Keeps a connection, and knows by the server's run id whether its
 * data may be older than what was told from it.
 */
export class RedisLeases implements LeaseStore {
  readonly #redis: RedisConnection;
  readonly #node: string;
  /** Distinguishes processes of one node: leases are a process's. */
  readonly #caller: string;
  readonly #log: Log;
  readonly #leaseMs: number;
  /** The generation last seen. */
  #generation = '';
  #nodes = 1;
  #dueSinceMs = Number.POSITIVE_INFINITY;
  /** It was told that the store is away, or nobody is to be told any longer. */
  #isTold = false;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(url: string, node: string, log: Log, leaseMs: number = LEASE_MS) {
    this.#leaseMs = leaseMs;
    this.#redis = new RedisConnection({
      url,
      onConnected: () => this.#onConnected(),
      onLost: (reason) => this.#onLost(reason),
    });
    this.#node = node;
    this.#caller = `${node}/${process.pid}-${Date.now().toString(36)}`;
    this.#log = log;
  }

  get up(): boolean {
    return this.#redis.isConnected && performance.now() - this.#dueSinceMs < AWAY_MS;
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** Connects, and again whenever the connection ends, until `close`. */
  start(): void {
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    this.#redis.start();
  }

  close(): void {
    this.#isTold = true;
    clearInterval(this.#heartbeat);
    this.#redis.close();
  }

  async lease(bucket: LeasedBucket, report: LeaseReport, wanted: number): Promise<LeaseAnswer> {
    const answer = await this.#evaluate(
      SCRIPTS.lease,
      [`sluice:limit:${bucket.key}`, 'sluice:generation'],
      [
        this.#redis.run,
        this.#redis.runAgeMs,
        this.#generation,
        this.#caller,
        bucket.algorithm === 'slidingWindow' ? 'window' : 'bucket',
        bucket.requests,
        bucket.perMs,
        bucket.burst,
        this.#leaseMs,
        report.lease,
        report.spent,
        report.givenBack,
        wanted,
      ],
    );
    if (!isLease(answer)) throw new Error('not an answer to the question');
    const [generation, lease, granted, left, waitMs] = answer;
    if (generation !== this.#generation) {
      if (this.#generation !== '') this.#log.warn('the limit store lost its state: limits begin anew, and not full');
      this.#generation = generation;
    }
    return { lease, granted, left, waitMs };
  }

  async #evaluate(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    this.#dueSinceMs = Math.min(this.#dueSinceMs, performance.now());
    try {
      return await this.#redis.evaluate(script, keys, args.map(String));
    } finally {
      this.#dueSinceMs = Number.POSITIVE_INFINITY;
    }
  }

  #onConnected(): void {
    this.#dueSinceMs = Number.POSITIVE_INFINITY;
    this.#isTold = false;
    this.#log.info('limit store connected', { nodes: this.#nodes });
    void this.#beat();
  }

  #onLost(reason: string): void {
    if (!this.#isTold) this.#log.warn('the limit store is away', { error: reason });
    this.#isTold = true;
  }

  async #beat(): Promise<void> {
    if (!this.#redis.isConnected) return;
    if (performance.now() - this.#dueSinceMs > REDIS_DEAD_MS) {
      this.#redis.giveUp('no answer');
      return;
    }
    const nodes = await this.#evaluate(SCRIPTS.nodes, ['sluice:nodes'], [this.#node, NODE_SEEN_MS]).catch(
      () => undefined,
    );
    if (typeof nodes === 'number') this.#nodes = Math.max(1, nodes);
  }
}

/** What the script gives: the generation, the lease, and what of it was granted, is left, and has to be waited for. */
function isLease(answer: unknown): answer is [string, string, number, number, number] {
  if (!Array.isArray(answer) || answer.length !== 5) return false;
  const [generation, lease, ...numbers] = answer as unknown[];
  const isText = typeof generation === 'string' && typeof lease === 'string';
  return isText && numbers.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
}
