import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { SetDigest } from '@sluice/engine';
import { type BreakerSchema, type Command, type PurgeCacheCommand, Track as WireTrack } from '@sluice/proto';
import { ACTIVE_CONNECTIONS, ACTIVE_REQUESTS, KeyStaging, type KeyStore, keyPart } from '../shared/index.ts';
import type { EndpointListSources } from './admin/list-endpoints.ts';
import type { BreakerWatch } from './breaker-watch.ts';
import type { Freshness } from './freshness/freshness.ts';
import type { Persistence } from './persistence.ts';
import { type ServiceBreaker, selectBreakers, wireState } from './reported-breakers.ts';
import { reportServices } from './services-report.ts';
import type { Settings } from './settings.ts';
import type { SharedCache } from './shared-cache/shared-cache.ts';
import type { NodeTrack, WholeUpdate } from './track.ts';
import type { CommandReport, WatchMessage, WatchNode } from './watch-stream.ts';
import type { Supervisor } from './workers/supervisor.ts';

type StatusInit = Extract<WatchMessage, { case: 'status' }>['value'];

export interface WatchNodeSources extends EndpointListSources {
  readonly breakerWatch: BreakerWatch;
  readonly settings: Settings;
  readonly version: string;
  readonly keys: KeyStore;
  readonly persistence: Persistence;
  readonly supervisor: Supervisor;
  readonly freshness: Freshness;
  /** Undefined: the node has no Redis. */
  readonly sharedCache: SharedCache | undefined;
}

const PROTOCOL_VERSION = 1;

/** The node as its watch sees it. */
export function createWatchNode(sources: WatchNodeSources): WatchNode {
  const { settings, activation, persistence, freshness } = sources;
  return {
    hello: () => ({
      nodeId: settings.nodeId,
      group: settings.group,
      zone: settings.zone,
      version: sources.version,
      protocol: PROTOCOL_VERSION,
      workers: sources.supervisor.workers,
      historyId: activation.historyId,
      config: positionOf(activation.config),
      facts: positionOf(activation.facts),
      persistedRevision: BigInt(persistence.revision),
      held: [...activation.held()],
      activeSince: timestamp(activation.config.activeSinceMs),
      startedAt: timestamp(performance.timeOrigin),
      takeover: settings.takeover,
      limitStore: settings.redis !== undefined,
      ...(settings.maxStalenessMs !== undefined && { maxStaleness: durationFromMs(settings.maxStalenessMs) }),
    }),
    status: () => statusOf(sources),
    stageKeys: (isSnapshot) => new KeyStaging(sources.keys, isSnapshot),
    apply: async (update) => {
      const refusal = await activation.apply(update);
      if (refusal === undefined) {
        persistence.save(update);
        freshness.applied();
      }
      return refusal;
    },
    position: (wire) => {
      const track = wire === WireTrack.FACTS ? activation.facts : activation.config;
      return {
        track: wire,
        historyId: activation.historyId,
        position: positionOf(track),
        held: wire === WireTrack.CONFIG ? [...activation.held()] : [],
        activeSince: timestamp(track.activeSinceMs),
      };
    },
    noFacts: (historyId) => {
      if (!activation.active) void activation.apply(emptyFacts(historyId));
    },
    welcomed: (current, diverged) => freshness.welcomed(current, diverged),
    named: (current, diverged) => freshness.named(current, diverged),
    command: (command) => runCommand(sources, command),
  };
}

function emptyFacts(historyId: string): WholeUpdate {
  return {
    track: WireTrack.FACTS,
    historyId,
    fromRevision: 0,
    revision: 0,
    digest: new SetDigest().bytes(),
    upserts: [],
    removals: [],
    snapshot: true,
    forced: false,
    createdAtMs: 0,
  };
}

async function runCommand(sources: WatchNodeSources, { command }: Command): Promise<CommandReport> {
  const { shared, directory } = sources;
  switch (command.case) {
    case 'resetBreaker': {
      const slot = directory.services.slotOf(command.value.service);
      if (slot === undefined) throw new Error(`there is no service ${command.value.service} on this node`);
      shared.breakers.reset(slot);
      return {};
    }
    case 'purgeCache':
      await purgeCache(sources, command.value);
      return {};
    case 'checkServices':
      return { services: reportServices(sources, command.value.service) };
    case undefined:
      throw new Error('this version of the node does not know the command');
    default:
      return command satisfies never;
  }
}

async function purgeCache(sources: WatchNodeSources, { answers }: PurgeCacheCommand): Promise<void> {
  const { region, invalidations } = sources.shared;
  switch (answers.case) {
    case 'route':
      if (sources.directory.routes.slotOf(answers.value) === undefined)
        throw new Error(`there is no route ${answers.value} on this node`);
      break;
    case 'tag':
      break;
    case undefined:
      throw new Error('this version of the node does not know which cached answers are meant');
    default:
      answers satisfies never;
      return;
  }
  // First: who finds it gone in the node is not to find it there.
  const isTold = sources.sharedCache?.purge(answers.case, answers.value);
  invalidations.invalidate(keyPart(region.hashKey, CELL_KINDS[answers.case], answers.value).lo);
  if (isTold === undefined || (await isTold) || !sharesAnswers(sources)) return;
  throw new Error(
    'the node has forgotten them; Redis, where nodes share answers, is away and will be told when it is back',
  );
}

const CELL_KINDS = { route: 'cacheRoute', tag: 'cacheTag' } as const;

function sharesAnswers({ activation }: WatchNodeSources): boolean {
  for (const item of activation.config.set.activeItems()) {
    if ((item.kind === 'Route' || item.kind === 'Policy') && item.fields.cache?.shared === true) return true;
  }
  return false;
}

function statusOf(sources: WatchNodeSources): StatusInit {
  const { shared, supervisor, persistence } = sources;
  return {
    persistedRevision: BigInt(persistence.revision),
    workersReady: supervisor.serving,
    workers: supervisor.workers,
    draining: shared.control.draining(),
    breakers: selectBreakers(breakersOf(sources)).map((breaker) => reportBreaker(sources, breaker)),
    activeConnections: BigInt(shared.columns.process.total(ACTIVE_CONNECTIONS)),
    activeRequests: BigInt(shared.columns.process.total(ACTIVE_REQUESTS)),
  };
}

function reportBreaker(
  { breakerWatch }: WatchNodeSources,
  { service, state, count }: ServiceBreaker,
): MessageInitShape<typeof BreakerSchema> {
  const sinceMs = breakerWatch.sinceMs(service);
  return { service, count, state: wireState(state), ...(sinceMs !== undefined && { since: timestamp(sinceMs) }) };
}

function* breakersOf({ shared, activation }: WatchNodeSources): Generator<ServiceBreaker> {
  const nowMs = shared.clock.nowMs();
  for (const item of activation.config.set.activeItems()) {
    if (item.kind !== 'Service' || item.plan.breaker === undefined) continue;
    const { state, count } = shared.breakers.view(item.plan.slot, nowMs);
    yield { service: item.name, state, count };
  }
}

function positionOf(track: NodeTrack): { revision: bigint; digest: Uint8Array<ArrayBuffer> } {
  return { revision: BigInt(track.revision), digest: track.digest() };
}

function timestamp(ms: number): { seconds: bigint; nanos: number } {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.floor((ms % 1000) * 1e6) };
}
