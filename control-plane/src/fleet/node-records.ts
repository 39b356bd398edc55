import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { Log } from '@sluice/engine';
import { type Node, NodeSchema, NodeState } from '@sluice/proto';
import type { NodeRecord, Store } from '../store/store.ts';

/** Where nodes are kept for all replicas. */
export type NodeStore = Pick<Store, 'saveNodes' | 'listNodes'>;

export interface NodeRecordsOptions {
  readonly store: NodeStore;
  readonly replicaId: string;
  /** Between two writes of what changed. */
  readonly flushIntervalMs: number;
  /** Between two writes of a connected node that did not change. */
  readonly keepAliveMs: number;
  readonly log: Log;
  /** The ids of the nodes connected to this replica. */
  connected(): Iterable<string>;
  /** One of them as it stands now. */
  describe(nodeId: string): Node | undefined;
}

/** Another replica's node that was not written for this many keep-alives is gone, and probably its replica. */
const GONE_AFTER_KEEP_ALIVES = 6;
const ROWS_PER_WRITE = 100;
/** How old an answer about other replicas' nodes may be. */
const READ_EVERY_MS = 200;

/**
 * What all replicas know of nodes, through the database. A node is written at most once per flush interval, however often it
 * changes. While the database is away, this replica's own nodes and the last known of the others are shown.
 */
export class NodeRecords {
  readonly #options: NodeRecordsOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #changed = new Set<string>();
  /** Nodes that left this replica, until that is written. */
  readonly #left = new Map<string, Node>();
  readonly #writtenAtMs = new Map<string, number>();
  #known: readonly NodeRecord[] = [];
  #knownAtMs = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: NodeRecordsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.flushIntervalMs);
    this.#timer.unref();
  }

  /** A node of this replica is to be written. */
  change(nodeId: string): void {
    this.#left.delete(nodeId);
    this.#changed.add(nodeId);
  }

  /** A node left this replica. */
  leave(node: Node): void {
    this.#left.set(node.nodeId, node);
    this.#changed.add(node.nodeId);
  }

  /** All nodes that any replica knows, by id. */
  async list(): Promise<Node[]> {
    await this.#read();
    const { replicaId, keepAliveMs, connected, describe } = this.#options;
    // By when it was read: while the database is away, who is connected elsewhere is not known to have gone.
    const goneBefore = this.#knownAtMs - GONE_AFTER_KEEP_ALIVES * keepAliveMs;
    const nodes = new Map<string, Node>();
    for (const record of this.#known) {
      const node = fromBinary(NodeSchema, record.state);
      const gone = record.replicaId === replicaId || record.lastSeenAt.getTime() < goneBefore;
      if (gone && node.state !== NodeState.DISCONNECTED) {
        node.state = NodeState.DISCONNECTED;
        node.reason = `control plane replica ${record.replicaId} no longer vouches for it`;
      }
      nodes.set(record.nodeId, node);
    }
    for (const node of this.#left.values()) nodes.set(node.nodeId, node);
    for (const nodeId of connected()) {
      const node = describe(nodeId);
      if (node !== undefined) nodes.set(nodeId, node);
    }
    return [...nodes.values()].sort((left, right) => (left.nodeId < right.nodeId ? -1 : 1));
  }

  /** Writes what changed, and the connected nodes whose last write is too long ago. Failures are tried again the next time. */
  flush(): Promise<void> {
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((error: unknown) => this.#options.log.debug('nodes could not be written', { reason: String(error) }));
    return this.#writing;
  }

  /** Writes once more and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  async #write(): Promise<void> {
    const { store, keepAliveMs, connected, describe, replicaId } = this.#options;
    const dueBefore = performance.now() - keepAliveMs;
    for (const nodeId of connected()) {
      if ((this.#writtenAtMs.get(nodeId) ?? Number.NEGATIVE_INFINITY) < dueBefore) this.#changed.add(nodeId);
    }
    const due = [...this.#changed];
    for (let start = 0; start < due.length; start += ROWS_PER_WRITE) {
      const ids = due.slice(start, start + ROWS_PER_WRITE);
      const nodes = ids.flatMap((nodeId) => describe(nodeId) ?? this.#left.get(nodeId) ?? []);
      for (const nodeId of ids) this.#changed.delete(nodeId);
      try {
        await store.saveNodes(nodes.map((node) => toRecord(node, replicaId)));
      } catch (error) {
        for (const nodeId of due.slice(start)) this.#changed.add(nodeId);
        throw error;
      }
      const writtenAtMs = performance.now();
      for (const node of nodes) {
        this.#writtenAtMs.set(node.nodeId, writtenAtMs);
        if (this.#left.get(node.nodeId) !== node) continue;
        this.#left.delete(node.nodeId);
        this.#writtenAtMs.delete(node.nodeId);
        this.#readAtMs = Number.NEGATIVE_INFINITY;
      }
      await yieldToOthers();
    }
  }

  /** One question at a time, and none while the last answer is young. */
  async #read(): Promise<void> {
    if (performance.now() - this.#readAtMs < READ_EVERY_MS) return;
    this.#reading ??= this.#readNow().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readNow(): Promise<void> {
    try {
      this.#known = await this.#options.store.listNodes();
      this.#knownAtMs = Date.now();
      this.#readAtMs = performance.now();
    } catch (error) {
      this.#options.log.debug('nodes could not be read', { reason: String(error) });
    }
  }
}

function toRecord(node: Node, replicaId: string): NodeRecord {
  return {
    nodeId: node.nodeId,
    group: node.group,
    replicaId,
    lastSeenAt: node.lastSeenAt === undefined ? new Date() : timestampDate(node.lastSeenAt),
    state: toBinary(NodeSchema, node),
  };
}
