import type { ServicePlan } from '@sluice/engine';
import { KEEP_ALIVE_RACES, type MetricFamily, type MetricSample, type Shared } from '../../shared/index.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import type { Activation } from '../activation.ts';
import type { NodeCache } from '../cache/node-cache.ts';
import type { DnsDiscovery } from '../discovery/dns-discovery.ts';
import type { Freshness } from '../freshness/freshness.ts';
import type { StalenessBound } from '../freshness/staleness-bound.ts';
import type { LeaseKeeper } from '../leases/lease-keeper.ts';
import { keepResults, recallResults, type SharedCache } from '../shared-cache/shared-cache.ts';
import type { SpanExport } from '../spans/span-export.ts';
import type { WallClockWatch } from '../wall-clock-watch.ts';
import type { Supervisor } from '../workers/supervisor.ts';

export interface NodeMetricSources {
  readonly shared: Shared;
  readonly activation: Activation;
  readonly supervisor: Supervisor;
  readonly freshness: Freshness;
  readonly staleness: StalenessBound;
  readonly cache: NodeCache;
  readonly leases: LeaseKeeper;
  /** Undefined: the node has no Redis. */
  readonly sharedCache: SharedCache | undefined;
  readonly accessLog: AccessLog;
  readonly discovery: DnsDiscovery;
  readonly wallClock: WallClockWatch;
  /** Undefined: nobody takes any. */
  readonly spans: SpanExport | undefined;
}

/** What the main thread knows itself, beside what workers count. */
export function nodeMetrics(sources: NodeMetricSources): MetricFamily[] {
  const { activation, supervisor, freshness, staleness, cache, leases, sharedCache, accessLog, spans, wallClock } =
    sources;
  const { columns } = sources.shared;
  const gauge = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: 'gauge',
    samples: [{ labels: {}, value }],
  });
  return [
    gauge('gateway_config_revision', 'The config revision that is active in all workers.', activation.config.revision),
    gauge(
      'gateway_config_age_seconds',
      'Time since the control plane last confirmed the revision, and the facts beside it, as current.',
      freshness.ageMs / 1000,
    ),
    gauge(
      'gateway_max_staleness_seconds',
      'What gateway_config_age_seconds may be before credentials are refused (--max-staleness); 0: anything.',
      (staleness.maxMs ?? 0) / 1000,
    ),
    gauge(
      'gateway_credentials_refused',
      '1 while what the node has was not confirmed for longer than --max-staleness, so that no credential is believed.',
      staleness.refuses ? 1 : 0,
    ),
    gauge(
      'gateway_config_held',
      'Resources held at an older version because the current one cannot be built.',
      activation.held().length,
    ),
    gauge(
      'gateway_cache_failing',
      '1 while the last snapshot cannot be written to disk.',
      cache.failure === undefined ? 0 : 1,
    ),
    gauge('gateway_limit_store_up', '1 while the store of cluster-wide limits answers.', leases.store.up ? 1 : 0),
    gauge('gateway_limit_store_nodes', 'Nodes that share cluster-wide limits, as last seen.', leases.store.nodes),
    {
      name: 'gateway_limit_open_tokens_total',
      help: "Tokens of cluster-wide limits taken from the node's own share while their store was away.",
      type: 'counter',
      samples: [{ labels: {}, value: leases.openTokens }],
    },
    gauge(
      'gateway_shared_cache_up',
      '1 while the cache that nodes share answers in time; 0: each node has its own answers alone.',
      sharedCache?.up ? 1 : 0,
    ),
    {
      name: 'gateway_shared_cache_lookups_total',
      help: 'What the cache that nodes share had for a request that would else go to its service: hit, miss, or none because it was late, away, failed, damaged, or too much was on its way (busy).',
      type: 'counter',
      samples: recallResults.map((result) => ({ labels: { result }, value: sharedCache?.recalls[result] ?? 0 })),
    },
    {
      name: 'gateway_shared_cache_stores_total',
      help: 'Answers that were to be kept for all nodes: kept, not kept because they were made invalid meanwhile (forgotten), or because it was away or failed.',
      type: 'counter',
      samples: keepResults.map((result) => ({ labels: { result }, value: sharedCache?.keeps[result] ?? 0 })),
    },
    {
      name: 'gateway_access_log_lines_total',
      help: 'Lines of access logs that were written; those that were dropped are in gateway_overflow_total.',
      type: 'counter',
      samples: [{ labels: {}, value: accessLog.written }],
    },
    {
      name: 'gateway_clock_steps_total',
      help: 'Steps of the wall clock by 2 s or more: tokens and keys begin and end by it, nothing else does.',
      type: 'counter',
      samples: [{ labels: {}, value: wallClock.steps }],
    },
    {
      name: 'gateway_spans_exported_total',
      help: 'Spans that a receiver has taken; requests whose spans were dropped are in gateway_overflow_total.',
      type: 'counter',
      samples: [{ labels: {}, value: spans?.exported ?? 0 }],
    },
    {
      name: 'gateway_upstream_healthy',
      help: 'Whether an endpoint is healthy and not ejected: 1, or 0.',
      type: 'gauge',
      samples: [...endpointSamples(sources, (slot, plan) => (isUsed(sources.shared, slot, plan) ? 1 : 0))],
    },
    ...discoveryFamilies(sources),
    {
      name: 'gateway_upstream_connections',
      help: 'Open connections to an endpoint, those being made included.',
      type: 'gauge',
      samples: [...endpointSamples(sources, (slot) => columns.connections.total(slot))],
    },
    {
      name: 'gateway_upstream_pending',
      help: 'Requests that wait for a connection to an endpoint.',
      type: 'gauge',
      samples: [...endpointSamples(sources, (slot) => columns.waiting.total(slot))],
    },
    {
      name: 'gateway_worker_restarts_total',
      help: 'Workers that ended and were replaced.',
      type: 'counter',
      samples: [{ labels: {}, value: supervisor.restarts }],
    },
    {
      name: 'gateway_keepalive_races_total',
      help: 'Requests that came on an idle connection just after the gateway ended it: no gateway can tell their clients in time.',
      type: 'counter',
      samples: [{ labels: {}, value: sources.shared.columns.process.total(KEEP_ALIVE_RACES) }],
    },
  ];
}

function discoveryFamilies({ activation, discovery }: NodeMetricSources): MetricFamily[] {
  const found = [...activation.services.all()].filter((service) => service.discovery !== undefined);
  const lookups = [...discovery.views()];
  return [
    {
      name: 'gateway_discovery_endpoints',
      help: 'Endpoints of a service whose endpoints are discovered, as they are used now.',
      type: 'gauge',
      samples: found.map(({ name, plan }) => ({ labels: { service: name }, value: plan.endpoints.length })),
    },
    {
      name: 'gateway_discovery_lookups_total',
      help: 'Lookups of the endpoints of a service by DNS: answered, or failed, which leaves it those found last.',
      type: 'counter',
      samples: lookups.flatMap(([service, { answered, failed }]) => [
        { labels: { service, result: 'answered' }, value: answered },
        { labels: { service, result: 'failed' }, value: failed },
      ]),
    },
  ];
}

function isUsed({ endpointHealth, outliers, clock }: Shared, slot: number, { outliers: policy }: ServicePlan): boolean {
  return endpointHealth.isHealthy(slot) && (policy === undefined || outliers.untilMs(slot) <= clock.nowMs());
}

function* endpointSamples(
  { activation }: NodeMetricSources,
  read: (slot: number, plan: ServicePlan) => number,
): Generator<MetricSample> {
  for (const { name, plan } of activation.services.all()) {
    for (const { address, slot } of plan.endpoints) {
      yield { labels: { service: name, endpoint: address }, value: read(slot, plan) };
    }
  }
}
