import { randomBytes } from 'node:crypto';
import { createKeyMemory } from './api-keys/index.ts';
import { FILLS_BYTES } from './cache-fills.ts';
import { CLIENT_CONNECTIONS_BYTES } from './client-connections.ts';
import { INVALIDATIONS_BYTES } from './invalidations.ts';
import { createLeaseQueues } from './lease-calls.ts';
import { createLeaseBuffers, type LeaseBuffers } from './lease-cells.ts';
import { createLineRings } from './line-ring.ts';
import { ARENA_BYTES } from './metrics/arena-layout.ts';
import { createResponseStore, type ResponseStoreBuffers } from './response-store.ts';
import { SHARED_CACHE_BYTES } from './shared-cache-cells.ts';
import { createWindowBuffers, type WindowBuffers } from './window-cells.ts';

/** How large the shared memory is. Every table is bounded; pages nobody touched cost nothing. */
export interface SharedSettings {
  /** Worker threads, 1..256. */
  readonly workers: number;
  /** Cells of the limiter's table, a power of two of at least 2048; as many again, up to 2^18, for sliding windows. Default 2^17. */
  readonly limiterCells?: number;
  /** What the answers that are kept may take together, bytes; at most 16 GiB. Default 64 MiB. */
  readonly cachedBytes?: number;
  /** Most routes this process can ever name, removed ones included; past it they share one overflow slot. Default 131072. */
  readonly routes?: number;
  /** As `routes`. Default 65536. */
  readonly services?: number;
  /** As `routes`; addresses come and go with every deployment. Default 2^20. */
  readonly endpoints?: number;
  /** As `routes`. Default 131072. */
  readonly limits?: number;
  /** As `routes`. Default 65536. */
  readonly policies?: number;
}

export const SLOT_KINDS = ['routes', 'services', 'endpoints', 'limits', 'policies'] as const;
export type SlotKind = (typeof SLOT_KINDS)[number];

/** Slots per kind, the reserved ones included: a cell array for that kind has this length. */
export type SlotCounts = Readonly<Record<SlotKind, number>>;

/** Slot of what has no name in a table, such as the route of a request that matched none. */
export const NO_SLOT = 0;
/** Slot shared by everything that came after its table was full. */
export const OVERFLOW_SLOT = 1;
const RESERVED_SLOTS = 2;
/** Workers that may be there beside those that serve, while they finish what they have. */
const SPARE_SEATS = 1;

/**
 * The memory that the main thread and its workers share. The main thread makes it once; it goes to workers in workerData as it is
 * and both sides open it with `attachShared`.
 */
export interface SharedRegion {
  /** Workers that serve. */
  readonly workers: number;
  /**
   * Columns: one for each worker's seat, {@link SPARE_SEATS} more for successors that start before a worker has left, the main thread's
   * last.
   */
  readonly writers: number;
  readonly originNs: bigint;
  /** Key of the cell hash, random per process. */
  readonly hashKey: readonly [number, number];
  readonly limiterCells: number;
  readonly slots: SlotCounts;
  readonly control: SharedArrayBuffer;
  readonly limiterKeys: SharedArrayBuffer;
  readonly limiterTats: SharedArrayBuffer;
  readonly limiterOverflow: SharedArrayBuffer;
  readonly limiterDebts: SharedArrayBuffer;
  /** Cells of sliding windows, a power of two. */
  readonly windowCells: number;
  readonly windows: WindowBuffers;
  readonly leases: LeaseBuffers;
  /** One queue per writer. */
  readonly leaseCalls: SharedArrayBuffer;
  readonly breakers: BreakerBuffers;
  readonly columns: ColumnBuffers;
  readonly outliers: OutlierBuffers;
  readonly clientConnections: SharedArrayBuffer;
  readonly doorbells: SharedArrayBuffer;
  readonly retryBudgets: SharedArrayBuffer;
  /** Lines of access logs, one ring per writer. */
  readonly accessLog: readonly SharedArrayBuffer[];
  readonly responses: ResponseStoreBuffers;
  readonly cacheFills: SharedArrayBuffer;
  readonly invalidations: SharedArrayBuffer;
  readonly sharedCache: SharedArrayBuffer;
  /** Spans, each request's on a line, one ring per writer. */
  readonly spans: readonly SharedArrayBuffer[];
  /** Grows with the keys. */
  readonly apiKeys: SharedArrayBuffer;
  /** One per writer. */
  readonly arenas: readonly SharedArrayBuffer[];
}

interface BreakerBuffers {
  readonly words: SharedArrayBuffer;
  readonly openUntil: SharedArrayBuffer;
  readonly permits: SharedArrayBuffer;
  readonly transitions: SharedArrayBuffer;
  readonly windows: SharedArrayBuffer;
}

interface OutlierBuffers {
  readonly words: SharedArrayBuffer;
  readonly until: SharedArrayBuffer;
}

interface ColumnBuffers {
  readonly inFlight: SharedArrayBuffer;
  readonly connections: SharedArrayBuffer;
  readonly pending: SharedArrayBuffer;
  readonly waiting: SharedArrayBuffer;
  readonly requests: SharedArrayBuffer;
  readonly process: SharedArrayBuffer;
  readonly endpointHealth: SharedArrayBuffer;
  readonly endpointSince: SharedArrayBuffer;
}

/** Most cells of sliding windows, each of which is half a KiB: as many as cells of the limiter up to this. */
const MAX_WINDOW_CELLS = 1 << 18;
/** Of answers that are kept, where the node is not told otherwise. */
const DEFAULT_CACHED_BYTES = 64 * 1024 * 1024;
/** Bytes of one cache line; columns of different writers never share one. */
const LINE = 64;
/** Int32s of a writer's process-wide column: see `columns.ts`. */
export const PROCESS_COLUMN = LINE / 4;
/** Buckets of a rolling window, and Int32s a bucket. */
export const WINDOW_BUCKETS = 10;
export const WINDOW_BUCKET_WORDS = 4;

/** Makes the region for `settings`. Throws RangeError on a setting out of bounds. */
export function createSharedRegion(settings: SharedSettings): SharedRegion {
  const { workers, limiterCells = 1 << 17 } = settings;
  if (!Number.isInteger(workers) || workers < 1 || workers > 256) throw new RangeError('workers must be 1..256');
  if (limiterCells < 2048 || limiterCells > 1 << 26 || (limiterCells & (limiterCells - 1)) !== 0) {
    throw new RangeError('limiter cells must be a power of two of at least 2048 and at most 2^26');
  }
  const slots: SlotCounts = {
    routes: slotCount(settings.routes ?? 131_072),
    services: slotCount(settings.services ?? 65_536),
    endpoints: slotCount(settings.endpoints ?? 1 << 20),
    limits: slotCount(settings.limits ?? 131_072),
    policies: slotCount(settings.policies ?? 65_536),
  };
  const windowCells = Math.min(limiterCells, MAX_WINDOW_CELLS);
  const writers = workers + SPARE_SEATS + 1;
  const windowBytes = WINDOW_BUCKETS * WINDOW_BUCKET_WORDS * 4;
  const key = randomBytes(8);
  return {
    workers,
    writers,
    originNs: process.hrtime.bigint(),
    hashKey: [key.readInt32LE(0), key.readInt32LE(4)],
    limiterCells,
    slots,
    control: new SharedArrayBuffer(LINE * (writers + 1)),
    limiterKeys: new SharedArrayBuffer(limiterCells * 8),
    limiterTats: new SharedArrayBuffer(limiterCells * 8),
    limiterOverflow: new SharedArrayBuffer(slots.limits * 8),
    limiterDebts: new SharedArrayBuffer(limiterCells * 8),
    windowCells,
    windows: createWindowBuffers(windowCells, slots.limits),
    leases: createLeaseBuffers(slots.limits),
    leaseCalls: createLeaseQueues(writers),
    breakers: {
      words: new SharedArrayBuffer(slots.services * 4),
      openUntil: new SharedArrayBuffer(slots.services * 8),
      permits: new SharedArrayBuffer(slots.services * 32 * 4),
      transitions: new SharedArrayBuffer(writers * columnBytes(slots.services * 3 * 8)),
      windows: new SharedArrayBuffer(writers * columnBytes(slots.services * windowBytes)),
    },
    columns: {
      inFlight: new SharedArrayBuffer(writers * columnBytes(slots.endpoints * 4)),
      connections: new SharedArrayBuffer(writers * columnBytes(slots.endpoints * 4)),
      pending: new SharedArrayBuffer(writers * columnBytes(slots.services * 4)),
      waiting: new SharedArrayBuffer(writers * columnBytes(slots.endpoints * 4)),
      requests: new SharedArrayBuffer(writers * columnBytes(slots.services * 4)),
      process: new SharedArrayBuffer(writers * PROCESS_COLUMN * 4),
      endpointHealth: new SharedArrayBuffer((slots.endpoints + 1) * 4),
      endpointSince: new SharedArrayBuffer(slots.endpoints * 4),
    },
    outliers: {
      words: new SharedArrayBuffer(slots.endpoints * 4),
      until: new SharedArrayBuffer(slots.endpoints * 4),
    },
    clientConnections: new SharedArrayBuffer(writers * CLIENT_CONNECTIONS_BYTES),
    doorbells: new SharedArrayBuffer(writers * LINE),
    retryBudgets: new SharedArrayBuffer(writers * columnBytes(slots.services * windowBytes)),
    accessLog: createLineRings(writers),
    responses: createResponseStore(settings.cachedBytes ?? DEFAULT_CACHED_BYTES, workers + SPARE_SEATS),
    cacheFills: new SharedArrayBuffer(FILLS_BYTES),
    invalidations: new SharedArrayBuffer(INVALIDATIONS_BYTES),
    sharedCache: new SharedArrayBuffer(SHARED_CACHE_BYTES),
    spans: createLineRings(writers),
    apiKeys: createKeyMemory(),
    arenas: Array.from({ length: writers }, () => new SharedArrayBuffer(ARENA_BYTES)),
  };
}

/** Bytes of one writer's column, rounded up to whole cache lines. */
export function columnBytes(bytes: number): number {
  return Math.ceil(bytes / LINE) * LINE;
}

function slotCount(named: number): number {
  if (!Number.isInteger(named) || named < 1 || named > 1 << 20)
    throw new RangeError('a slot table holds 1..2^20 names');
  return named + RESERVED_SLOTS;
}
