export {
  API_KEY_KIND,
  createKeyMemory,
  KeyReader,
  KeyRestore,
  KeyStaging,
  KeyStore,
  KeysFull,
  type PinnedKeys,
} from './api-keys/index.ts';
export { attachShared, releaseWorker, type Shared } from './attach.ts';
export {
  ABORTED,
  Breakers,
  type BreakerView,
  FAILURE,
  REFUSED,
  SUCCESS,
  type TryOutcome,
} from './breakers.ts';
export { CacheFills, FILL_CELLS, FILL_TAKEN, UNSHARED_FILL } from './cache-fills.ts';
export { CellKey, KEY_PART, type KeyPart, type KeyPartKind, keyPart, keyPartInto } from './cell-key.ts';
export { CLIENT_FULL, ClientConnections } from './client-connections.ts';
export { type Clock, sharedClock } from './clock.ts';
export {
  ACTIVE_CONNECTIONS,
  ACTIVE_REQUESTS,
  ACTIVE_TUNNELS,
  attachColumns,
  type Columns,
  GaugeColumns,
  KEEP_ALIVE_RACES,
  OVERLOADED,
} from './columns.ts';
export { Control, type WorkerState, workerStates } from './control.ts';
export { EndpointHealth } from './endpoint-health.ts';
export type { Hash64 } from './half-sip-hash.ts';
export { INVALIDATION_CELLS, Invalidations } from './invalidations.ts';
export { LeaseCalls } from './lease-calls.ts';
export {
  ANSWERED,
  AWAY,
  LEASE_ADMITTED,
  LEASE_AWAY,
  LEASE_CELLS,
  LEASE_PENDING,
  LEASE_REFUSED,
  LeaseCells,
} from './lease-cells.ts';
export { Limiter } from './limiter.ts';
export { LineRing, MAX_LINE_BYTES } from './line-ring.ts';
export { DURATION_BOUNDS, type OverflowKind, overflowKinds } from './metrics/arena-layout.ts';
export {
  createExposition,
  EXPOSITION_CONTENT_TYPE,
  type ExpositionSources,
  type MetricFamily,
  type MetricSample,
} from './metrics/exposition.ts';
export {
  type AuthFailureReason,
  authFailureReasons,
  type CacheResult,
  cacheResults,
  type DryRunField,
  dryRunFields,
  methodCode,
  methodNames,
  type TunnelDirection,
  type TunnelEnding,
  tunnelDirections,
  tunnelEndings,
} from './metrics/families.ts';
export { MetricsRecorder, RouteRequests } from './metrics/recorder.ts';
export { formatLabels } from './metrics/text.ts';
export {
  createSharedRegion,
  NO_SLOT,
  OVERFLOW_SLOT,
  type SharedRegion,
  type SharedSettings,
  SLOT_KINDS,
  type SlotCounts,
  type SlotKind,
} from './region.ts';
export { ResponseStore } from './response-store.ts';
export { RetryBudgets } from './retry-budgets.ts';
export { SHARED_CACHE_CELLS, SharedCacheCells, sharedCacheCell } from './shared-cache-cells.ts';
export type {
  KeepCall,
  RecallCall,
  RecalledReply,
  SharedCacheCall,
  SharedCacheReply,
} from './shared-cache-messages.ts';
export { Slices } from './slices.ts';
export { SlidingWindows } from './sliding-windows.ts';
export { createSlotDirectory, OVERFLOW_NAME, type SlotDirectory, Slots } from './slots.ts';
