import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createClient } from '@redis/client';
import type { Log } from '@sluice/engine';
import { LEASE_MS, type LeaseAnswer, type LeasedBucket, type LeaseReport, type LeaseStore } from './lease-store.ts';

/** Nodes that called within this share the limits. */
const NODE_SEEN_MS = 10_000;
const HEARTBEAT_MS = 250;
/** Without any answer for this long, while one is due, the store is away. */
const AWAY_MS = 500;
/** And after this the connection is given up. */
const DEAD_MS = 2000;
const MAX_PAUSE_MS = 1000;

type Client = ReturnType<typeof makeClient>;

const SCRIPTS = {
  lease: readScript('lease.lua'),
  nodes: readScript('nodes.lua'),
};

interface Script {
  readonly text: string;
  readonly sha: string;
}

/**
 * Leases in Redis 7 or newer, by scripts that each act on one bucket. Keeps a connection, and knows by the server's run id whether its
 * data may be older than what was told from it.
 */
export class RedisLeases implements LeaseStore {
  readonly #url: string;
  readonly #node: string;
  /** Distinguishes processes of one node: leases are a process's. */
  readonly #caller: string;
  readonly #log: Log;
  readonly #leaseMs: number;
  #client: Client | undefined;
  #run = '';
  #runAgeMs = 0;
  /** The generation last seen. */
  #generation = '';
  #nodes = 1;
  #dueSinceMs = Number.POSITIVE_INFINITY;
  #up = false;
  #closed = false;
  #pauseMs = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(url: string, node: string, log: Log, leaseMs: number = LEASE_MS) {
    this.#leaseMs = leaseMs;
    this.#url = url;
    this.#node = node;
    this.#caller = `${node}/${process.pid}-${Date.now().toString(36)}`;
    this.#log = log;
  }

  get up(): boolean {
    return this.#up && performance.now() - this.#dueSinceMs < AWAY_MS;
  }

  get nodes(): number {
    return this.#nodes;
  }

  /** Connects, and again whenever the connection ends, until `close`. */
  start(): void {
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    void this.#connect();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#drop(this.#client);
  }

  async lease(bucket: LeasedBucket, report: LeaseReport, wanted: number): Promise<LeaseAnswer> {
    const answer = (await this.#evaluate(
      SCRIPTS.lease,
      [`sluice:limit:${bucket.key}`, 'sluice:generation'],
      [
        this.#run,
        this.#runAgeMs,
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
    )) as [string, string, number, number, number];
    const [generation, lease, granted, left, waitMs] = answer;
    if (generation !== this.#generation) {
      if (this.#generation !== '') this.#log.warn('the limit store lost its state: limits begin anew, and not full');
      this.#generation = generation;
    }
    return { lease, granted, left, waitMs };
  }

  async #evaluate(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined || !this.#up) throw new Error('the limit store is away');
    const rest = [String(keys.length), ...keys, ...args.map(String)];
    this.#dueSinceMs = Math.min(this.#dueSinceMs, performance.now());
    try {
      const answer = await client.sendCommand(['EVALSHA', script.sha, ...rest]).catch((error: unknown) => {
        if (!String(error).includes('NOSCRIPT')) throw error;
        return client.sendCommand(['EVAL', script.text, ...rest]);
      });
      return answer;
    } finally {
      this.#dueSinceMs = Number.POSITIVE_INFINITY;
    }
  }

  async #connect(): Promise<void> {
    if (this.#closed) return;
    const client = makeClient(this.#url);
    client.on('error', () => this.#drop(client));
    client.on('end', () => this.#drop(client));
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
      this.#dueSinceMs = Number.POSITIVE_INFINITY;
      this.#up = true;
      this.#log.info('limit store connected', { nodes: this.#nodes });
      await this.#beat();
    } catch (error) {
      if (this.#client === client) this.#log.warn('the limit store is away', { error: String(error) });
      this.#drop(client);
    }
  }

  async #beat(): Promise<void> {
    if (!this.#up) return;
    if (performance.now() - this.#dueSinceMs > DEAD_MS) {
      this.#log.warn('the limit store is away', { error: 'no answer' });
      this.#drop(this.#client);
      return;
    }
    const nodes = await this.#evaluate(SCRIPTS.nodes, ['sluice:nodes'], [this.#node, NODE_SEEN_MS]).catch(
      () => undefined,
    );
    if (typeof nodes === 'number') this.#nodes = Math.max(1, nodes);
  }

  #drop(client: Client | undefined): void {
    if (client === undefined || this.#client !== client) return;
    if (this.#up) this.#log.warn('the limit store is away', { error: 'the connection ended' });
    this.#up = false;
    this.#client = undefined;
    try {
      client.destroy();
    } catch {
      // It was closed already.
    }
    if (this.#closed) return;
    this.#pauseMs = Math.min(MAX_PAUSE_MS, this.#pauseMs * 2 + 50);
    setTimeout(() => void this.#connect(), this.#pauseMs * (0.5 + Math.random() / 2)).unref();
  }
}

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
