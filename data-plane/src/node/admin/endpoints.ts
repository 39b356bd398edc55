import { breakerStateNames, decodeResource, type TrackItem, toManifestValue } from '@sluice/engine';
import type { Resource } from '@sluice/proto';
import {
  createExposition,
  EXPOSITION_CONTENT_TYPE,
  OVERLOADED,
  type Shared,
  type SlotDirectory,
} from '../../shared/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Activation } from '../activation.ts';
import type { NodeCache } from '../cache/node-cache.ts';
import type { DnsDiscovery } from '../discovery/dns-discovery.ts';
import type { Freshness } from '../freshness/freshness.ts';
import type { StalenessBound } from '../freshness/staleness-bound.ts';
import type { HealthChecks } from '../health/health-checks.ts';
import type { LeaseKeeper } from '../leases/lease-keeper.ts';
import type { Listeners } from '../listeners.ts';
import type { Settings } from '../settings.ts';
import type { SharedCache } from '../shared-cache/shared-cache.ts';
import type { SpanExport } from '../spans/span-export.ts';
import type { WallClockWatch } from '../wall-clock-watch.ts';
import type { WatchClient } from '../watch-client.ts';
import type { Supervisor } from '../workers/supervisor.ts';
import { type AdminEndpoints, jsonAnswer, jsonListAnswer } from './admin-server.ts';
import { listEndpoints } from './list-endpoints.ts';
import { nodeMetrics } from './node-metrics.ts';

export interface EndpointSources {
  readonly settings: Settings;
  readonly version: string;
  readonly shared: Shared;
  readonly directory: SlotDirectory;
  readonly activation: Activation;
  readonly supervisor: Supervisor;
  readonly listeners: Listeners;
  readonly cache: NodeCache;
  readonly watch: WatchClient;
  readonly freshness: Freshness;
  readonly staleness: StalenessBound;
  readonly leases: LeaseKeeper;
  /** Undefined: the node has no Redis. */
  readonly sharedCache: SharedCache | undefined;
  readonly accessLog: AccessLog;
  readonly discovery: DnsDiscovery;
  readonly healthChecks: HealthChecks;
  readonly wallClock: WallClockWatch;
  readonly spans: SpanExport | undefined;
  readonly persistedRevision: () => number;
}

/** No worker has shown a sign of life for this long: the process is not well. */
const SILENT_MS = 10_000;

/** The node's own endpoints. */
export function createEndpoints(sources: EndpointSources): AdminEndpoints {
  const expose = createExposition({
    shared: sources.shared,
    directory: sources.directory,
    breakers: () => serviceSlots(sources),
    families: () => nodeMetrics(sources),
  });
  return {
    '/__health': () => health(sources),
    '/__ready': () => ready(sources),
    '/__metrics': () => ({ status: 200, contentType: EXPOSITION_CONTENT_TYPE, body: expose() }),
    '/__routes': () => jsonListAnswer(position(sources), 'routes', manifestsOf(sources, 'Route')),
    '/__config': () => jsonListAnswer(position(sources), 'resources', manifestsOf(sources, undefined)),
    '/__circuit': () => jsonListAnswer({}, 'circuits', circuits(sources)),
    '/__endpoints': () => jsonListAnswer({}, 'services', listEndpoints(sources)),
    '/__limits': () => limits(sources),
    '/__jwks': () => keySet(sources),
    '/__version': () =>
      jsonAnswer({ version: sources.version, node: process.version, nodeId: sources.settings.nodeId }),
  };
}

/** The public keys of the built-in issuer that the node has, as a key set (RFC 7517, 5). */
function keySet({ activation }: EndpointSources): ReturnType<AdminEndpoints[string]> {
  const keys: unknown[] = [];
  for (const item of activation.facts.set.activeItems()) if (item.kind === 'SigningKey') keys.push(item.member);
  return { status: 200, contentType: 'application/jwk-set+json', body: `${JSON.stringify({ keys })}\n` };
}

function health({ shared, supervisor }: EndpointSources): ReturnType<AdminEndpoints[string]> {
  const alive = supervisor.silentMs() < SILENT_MS;
  const overloadedWorkers = shared.columns.process.total(OVERLOADED);
  return jsonAnswer({ alive, overloaded: overloadedWorkers > 0, overloadedWorkers }, alive ? 200 : 503);
}

function ready(sources: EndpointSources): ReturnType<AdminEndpoints[string]> {
  const { activation, supervisor, shared, watch, cache, freshness } = sources;
  const isReady = activation.active && supervisor.serving === supervisor.workers && !shared.control.draining();
  return jsonAnswer(
    {
      ready: isReady,
      ...(isReady ? {} : { reason: reasonNotReady(sources) }),
      ...position(sources),
      workers: supervisor.workers,
      workersReady: supervisor.serving,
      controlPlane: watch.connected ? 'connected' : 'disconnected',
      diverged: freshness.diverged,
      ...staleness(sources),
      persistedRevision: sources.persistedRevision(),
      ...(cache.failure === undefined ? {} : { cacheFailure: cache.failure }),
      held: activation.held(),
    },
    isReady ? 200 : 503,
  );
}

/** Since when nobody vouches for what is served, and what follows from it when. By the wall clock as it is now. */
function staleness({ freshness, staleness: { maxMs, refuses } }: EndpointSources): Record<string, unknown> {
  const { ageMs, isStale } = freshness;
  const at = (inMs: number): string => new Date(Date.now() + inMs).toISOString();
  const isAgeing = maxMs !== undefined && ageMs * 2 >= maxMs;
  return {
    ...(isStale ? { staleSince: at(-ageMs) } : {}),
    ...(isAgeing ? { credentials: refuses ? 'refused' : 'believed', credentialsRefusedFrom: at(maxMs - ageMs) } : {}),
  };
}

function reasonNotReady({ activation, shared }: EndpointSources): string {
  if (shared.control.draining()) return 'draining';
  return activation.active ? 'workers are starting' : 'waiting for a first snapshot';
}

function position({ activation }: EndpointSources): Record<string, unknown> {
  return {
    historyId: activation.historyId,
    revision: activation.config.revision,
    digest: Buffer.from(activation.config.digest()).toString('hex'),
    activeSince: activation.active ? new Date(activation.config.activeSinceMs).toISOString() : null,
    factsVersion: activation.facts.revision,
  };
}

function* manifestsOf({ activation }: EndpointSources, kind: string | undefined): Generator<unknown> {
  for (const item of activation.config.set.wholeChange().upserts) {
    if (kind !== undefined && item.kind !== kind) continue;
    const manifest = toManifestValue(readResource(item)) as object;
    yield item.unavailable === undefined ? manifest : { ...manifest, unavailable: item.unavailable };
  }
}

function readResource(item: TrackItem): Resource {
  return decodeResource(item.content);
}

function* serviceSlots({ activation, directory }: EndpointSources): Generator<number> {
  for (const item of activation.config.set.activeItems()) {
    if (item.kind !== 'Service' || item.plan.breaker === undefined) continue;
    const slot = directory.services.slotOf(item.name);
    if (slot !== undefined) yield slot;
  }
}

function* circuits({ activation, shared }: EndpointSources): Generator<unknown> {
  const nowMs = shared.clock.nowMs();
  for (const item of activation.config.set.activeItems()) {
    if (item.kind !== 'Service' || item.plan.breaker === undefined) continue;
    const view = shared.breakers.view(item.plan.slot, nowMs);
    yield { service: item.name, ...view, state: breakerStateNames[view.state] };
  }
}

function limits({ activation, shared, leases, settings }: EndpointSources): ReturnType<AdminEndpoints[string]> {
  const { clock, region, limiter, slidingWindows } = shared;
  const nowUs = clock.nowUs();
  const cells = { used: limiter.table.inUse(nowUs), capacity: region.limiterCells };
  const windows = { used: slidingWindows.table.inUse(nowUs), capacity: region.windowCells };
  const { up, nodes } = leases.store;
  const cluster = { store: settings.redis === undefined ? 'none' : up ? 'up' : 'away', nodes, leases: leases.leases };
  return jsonListAnswer({ cells, windows, cluster }, 'limits', configuredLimits(activation));
}

function* configuredLimits(activation: Activation): Generator<unknown> {
  for (const item of activation.config.set.activeItems()) {
    if (item.kind !== 'Route' && item.kind !== 'Policy') continue;
    for (const { id, name, by, bucket, cluster, cost } of item.fields.limits) {
      const keyedBy = by.map((part) => ('name' in part ? `${part.kind}:${part.name}` : part.kind));
      const burst = bucket.algorithm === 'tokenBucket' ? { burst: bucket.gcra.burst } : {};
      const { algorithm, requests, perMs } = bucket;
      const scope =
        cluster === undefined ? { scope: 'node' } : { scope: 'cluster', fail: cluster.failOpen ? 'open' : 'closed' };
      yield { id, name, by: keyedBy, algorithm, requests, perMs, ...burst, cost, ...scope };
    }
  }
}
