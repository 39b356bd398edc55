import { Breakers } from './breakers.ts';
import { CacheFills } from './cache-fills.ts';
import { ClientConnections } from './client-connections.ts';
import { type Clock, sharedClock } from './clock.ts';
import { attachColumns, type Columns, releaseColumns } from './columns.ts';
import { Control } from './control.ts';
import { Doorbells } from './doorbells.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { Invalidations } from './invalidations.ts';
import { LeaseCalls } from './lease-calls.ts';
import { LeaseCells } from './lease-cells.ts';
import { Limiter } from './limiter.ts';
import { LineRing } from './line-ring.ts';
import { MetricsRecorder } from './metrics/recorder.ts';
import { Outliers } from './outliers.ts';
import type { SharedRegion } from './region.ts';
import { ResponseStore } from './response-store.ts';
import { RetryBudgets } from './retry-budgets.ts';
import { SharedCacheCells } from './shared-cache-cells.ts';
import { SlidingWindows } from './sliding-windows.ts';
import type { SlotDirectory } from './slots.ts';

/** The shared region as one thread sees it. */
export interface Shared {
  readonly region: SharedRegion;
  /** This thread's columns: a worker's seat, or the last for the main thread. */
  readonly writer: number;
  readonly clock: Clock;
  readonly control: Control;
  readonly limiter: Limiter;
  readonly slidingWindows: SlidingWindows;
  readonly leases: LeaseCells;
  /** This worker's own. */
  readonly leaseCalls: LeaseCalls;
  readonly breakers: Breakers;
  readonly columns: Columns;
  readonly clientConnections: ClientConnections;
  readonly doorbells: Doorbells;
  readonly endpointHealth: EndpointHealth;
  readonly outliers: Outliers;
  readonly retryBudgets: RetryBudgets;
  /** This writer's lines of access logs. */
  readonly accessLog: LineRing;
  /** Answers that are kept, who is fetching one, and which no longer count. */
  readonly responses: ResponseStore;
  readonly cacheFills: CacheFills;
  readonly invalidations: Invalidations;
  /** What the cache that nodes share is to forget. */
  readonly sharedCache: SharedCacheCells;
  /** This writer's spans. */
  readonly spans: LineRing;
  readonly metrics: MetricsRecorder;
}

/** Opens the region. `writer` is the worker's seat; the main thread leaves it out. */
export function attachShared(region: SharedRegion, writer: number = region.writers - 1): Shared {
  const clock = sharedClock(region.originNs);
  const metrics = new MetricsRecorder(region, writer);
  const doorbells = new Doorbells(region, writer);
  const leaseCalls = new LeaseCalls(region.leaseCalls, writer);
  const leases = new LeaseCells(
    region,
    writer,
    clock,
    (cell) => {
      leaseCalls.put(cell, 0, 0, '');
      doorbells.ring(region.writers - 1);
    },
    () => metrics.overflow('lease_cells'),
  );
  return {
    region,
    writer,
    clock,
    leases,
    leaseCalls,
    control: new Control(region),
    limiter: new Limiter(region, writer, clock, () => metrics.overflow('limiter_cells')),
    slidingWindows: new SlidingWindows(region, writer, clock, () => metrics.overflow('limiter_cells')),
    breakers: new Breakers(region, writer),
    columns: attachColumns(region, writer),
    clientConnections: new ClientConnections(region, writer, () => metrics.overflow('client_cells')),
    doorbells,
    endpointHealth: new EndpointHealth(region, clock),
    outliers: new Outliers(region),
    retryBudgets: new RetryBudgets(region, writer),
    accessLog: new LineRing(region.accessLog[writer]!),
    responses: new ResponseStore(region, writer),
    cacheFills: new CacheFills(region, writer),
    invalidations: new Invalidations(region),
    sharedCache: new SharedCacheCells(region),
    spans: new LineRing(region.spans[writer]!),
    metrics,
  };
}

/**
 * Main only, after a worker's thread has ended and before its successor starts: gives back everything the dead one held (requests
 * in flight, connections, pending, half-open permits). Its counters stay and its successor goes on with them.
 */
export function releaseWorker(shared: Shared, directory: SlotDirectory, worker: number): void {
  shared.cacheFills.releaseWorker(worker);
  releaseColumns(shared.columns, worker, directory.endpoints.used, directory.services.used);
  shared.clientConnections.releaseWorker(worker);
  shared.breakers.permits.releaseWorker(worker, directory.services.used);
  shared.control.setWorkerState(worker, 'absent');
}
